"""What a server allows: its address, its keys, and how much one request may want."""

from pydantic import Field, model_validator

from minigpt.config.base import Config
from minigpt.errors import ConfigError
from minigpt.serve.hosts import LOOPBACK


class ServeSettings(Config):
    """How a model is served."""

    host: str = Field("127.0.0.1", description="The address to listen at.")
    port: int = Field(8000, ge=0, le=65535, description="Its port; 0 is any free one.")
    allow_host: tuple[str, ...] = Field(
        (), description="Other names to answer to, as behind a proxy."
    )
    api_key: tuple[str, ...] = Field(
        (),
        description="Keys that let a client in (or $MINIGPT_API_KEY, where no list of "
        "processes shows it); none: whoever reaches the port.",
    )
    max_texts: int = Field(
        32, ge=1, le=1024, description="Texts that are written at a time."
    )
    max_waiting: int = Field(
        64, ge=0, le=100_000, description="Requests that wait for a place, at most."
    )
    max_tokens: int = Field(
        2048, ge=1, le=100_000, description="Tokens that a text may ask for."
    )
    max_choices: int = Field(
        64, ge=1, le=4096, description="Texts of one request: prompts times n."
    )
    max_body_kb: int = Field(1024, ge=1, le=2**20, description="Size of a request, kB.")
    max_activations_mb: float = Field(
        32.0, gt=0, le=4096, description="Size of recorded activations, MB."
    )
    timeout: float = Field(
        120.0, gt=0, le=86_400, description="Seconds that a request may take."
    )

    @model_validator(mode="after")
    def _keep_strangers_out(self) -> "ServeSettings":
        if self.host not in LOOPBACK and not self.api_key:
            raise ConfigError(
                f"host is {self.host}, so the whole network can ask this server: give "
                "--api_key, or set MINIGPT_API_KEY."
            )
        if not all(self.api_key):
            raise ConfigError("api_key is empty: a key has at least one character.")
        return self
