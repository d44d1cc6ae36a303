"""The app that both halves of the walk click through."""

import pytest


@pytest.fixture(scope="module")
def server(all_models, serve_app):
    with serve_app(all_models) as running:
        yield running
