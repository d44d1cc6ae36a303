"""The pages in the app's navigation, for the tests that visit them all."""

import runpy

from streamlit_server import ROOT

PAGES = runpy.run_path(str(ROOT / "pages/frame/course.py"))["PAGES"]
"""What `pages.frame.course.PAGES` holds: path, title, name …"""
