"""The block: attention and MLP, each reading the residual stream and adding to it.

Before: embeddings. Next: another block, or the final norm and the head.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from minigpt.config import ModelConfig
from minigpt.hooks import HookPoint
from minigpt.model.attention import MultiHeadAttention
from minigpt.model.feedforward import build_feedforward
from minigpt.model.kv_cache import LayerCache
from minigpt.model.norm import LayerNorm, RMSNorm, build_norm


class Block(nn.Module):
    """A transformer block: attention, then an MLP, each with a norm before it.

        resid_mid  = resid_pre + attn(ln1(resid_pre))          [batch pos d_model]
        resid_post = resid_mid + mlp(ln2(resid_mid))

        resid_pre ──┬──────────────(+)── resid_mid ──┬────────(+)── resid_post
                    └─ ln1 ─ attn ──┘                └─ ln2 ─ mlp ─┘

    The residual stream is only ever added to. With `d_ff=0` there is no MLP, and
    resid_post follows from resid_pre directly. With `parallel_mlp` the MLP reads the
    stream as attention does, so that neither waits for the other (as in GPT-NeoX):

        resid_post = resid_mid + mlp(ln2(resid_pre))

    With `post_norms` what attention and MLP add is normalised first (as in Gemma 2):

        resid_mid = resid_pre + ln1_post(attn(ln1(resid_pre)))

    Args:
        config: The model's settings.
        layer: Its number, from 0.

    Source: Xiong et al. 2020, arXiv:2002.04745, figure 1 (b); for `parallel_mlp`, Black
    et al. 2022, arXiv:2204.06745, section 2.1; for `post_norms`, Gemma Team 2024,
    arXiv:2408.00118, section 2.
    """

    def __init__(self, config: ModelConfig, layer: int = 0) -> None:
        super().__init__()
        self.hook_resid_pre = HookPoint()  # [batch pos d_model], as all in this class
        self.ln1 = build_norm(config)
        self.attn = MultiHeadAttention(config, layer)
        self.ln1_post = build_norm(config) if config.post_norms else None
        self.ln2_post: LayerNorm | RMSNorm | None = None
        self.hook_attn_out = HookPoint()
        if config.mlp_width:
            self.hook_resid_mid = HookPoint()
            self.ln2 = build_norm(config)
            self.mlp = build_feedforward(config)
            if config.post_norms:
                self.ln2_post = build_norm(config)
            self.hook_mlp_out = HookPoint()
        self.hook_resid_post = HookPoint()
        self.dropout = nn.Dropout(config.dropout)
        self.has_mlp = bool(config.mlp_width)
        self.parallel_mlp = config.parallel_mlp

    def forward(
        self,
        x: Float[Tensor, "batch pos d_model"],
        cache: LayerCache | None = None,
        tokens: Int[Tensor, "batch pos"] | None = None,
    ) -> Float[Tensor, "batch pos d_model"]:
        """Add what attention and MLP have to say. Arguments as for the attention."""
        before = x = self.hook_resid_pre(x)
        attended = self.attn(self.ln1(x), cache, tokens)
        if self.ln1_post is not None:
            attended = self.ln1_post(attended)
        x = x + self.hook_attn_out(self.dropout(attended))
        if self.has_mlp:
            x = self.hook_resid_mid(x)
            made = self.mlp(self.ln2(before if self.parallel_mlp else x))
            if self.ln2_post is not None:
                made = self.ln2_post(made)
            x = x + self.hook_mlp_out(self.dropout(made))
        return self.hook_resid_post(x)
