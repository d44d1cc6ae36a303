import pytest
import torch

from minigpt.config import QuantizationConfig, standard_quantization
from minigpt.quantization import QuantizedMatrix, rounded
from minigpt.quantization.packing import pack_int4, unpack_int4
from minigpt.quantization.rounding import (
    choose_grid,
    in_groups,
    integer_range,
    to_integers,
    to_weights,
)

GRIDS = [
    QuantizationConfig(bits=bits, group_size=size, zero_point=zero)
    for bits in (4, 8)
    for size in (None, 16, 7)
    for zero in (False, True)
]


def matrix(rows=12, columns=50, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=random) * torch.rand(
        rows, 1, generator=random
    )


def test_a_row_worked_by_hand():
    # Symmetric: the largest, 3.5, is 7 steps: s = 0.5.
    row = torch.tensor([[3.5, -1.1, 0.2, 0.0, -3.4]])
    config = QuantizationConfig(bits=4)
    scales, zeros = choose_grid(in_groups(row, None), config)
    assert (scales.item(), zeros.item()) == (0.5, 0)
    assert to_integers(in_groups(row, None), scales, zeros, config).tolist() == [
        [[7, -2, 0, 0, -7]]
    ]
    assert rounded(row, config).tolist() == [[3.5, -1.0, 0.0, 0.0, -3.5]]
    # With a zero point: from −1 to 6.5 in 15 steps of 0.5; −1 is −8, so 0 is −6.
    row = torch.tensor([[6.5, -1.0, 0.2, 0.0, 3.1]])
    config = QuantizationConfig(bits=4, zero_point=True)
    scales, zeros = choose_grid(in_groups(row, None), config)
    assert (scales.item(), zeros.item()) == (0.5, -6)
    assert to_integers(in_groups(row, None), scales, zeros, config).tolist() == [
        [[7, -8, -6, -6, 0]]
    ]
    assert rounded(row, config).tolist() == [[6.5, -1.0, 0.0, 0.0, 3.0]]


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_torch_rounds_to_the_same_integers(config):
    groups = in_groups(matrix(), config.group_size)
    scales, zeros = choose_grid(groups, config)
    own = to_integers(groups, scales, zeros, config)
    rows = groups.flatten(0, 1)
    theirs = torch.fake_quantize_per_channel_affine(
        rows, scales.flatten(), zeros.flatten().int(), 0, *integer_range(config)
    )
    made = to_weights(own, scales, zeros).flatten(0, 1)
    torch.testing.assert_close(made, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_no_weight_moves_by_more_than_half_a_step(config):
    for weight in (matrix(), matrix().abs() + 1, -matrix().exp(), matrix() * 1e-30):
        groups = in_groups(weight, config.group_size)
        scales, zeros = choose_grid(groups, config)
        made = to_weights(to_integers(groups, scales, zeros, config), scales, zeros)
        moved = (made - groups).abs()
        assert (moved <= scales[..., None] * 0.50001).all()
        assert moved.max() > 0
        assert (made[groups == 0] == 0).all()


def test_a_grid_covers_its_weights_and_no_more():
    weight = matrix()
    for config in GRIDS:
        low, high = integer_range(config)
        groups = in_groups(weight, config.group_size)
        integers = to_integers(groups, *choose_grid(groups, config), config)
        reached = torch.maximum(integers.amax(-1) - high, low - integers.amin(-1))
        assert (reached == 0).all()  # a coarser grid than needed would stop short


def test_zeros_stay_zero_and_rounding_twice_changes_nothing():
    for config in GRIDS:
        assert (rounded(torch.zeros(3, 9), config) == 0).all()
        once = rounded(matrix(), config)
        torch.testing.assert_close(rounded(once, config), once, rtol=1e-6, atol=0)


@pytest.mark.parametrize("columns", [1, 2, 7, 64])
def test_packing_puts_two_integers_into_a_byte_and_loses_none(columns):
    every = torch.arange(-8, 8, dtype=torch.int8).repeat(columns).view(16, columns)
    packed = pack_int4(every)
    assert packed.shape == (16, (columns + 1) // 2)
    assert torch.equal(unpack_int4(packed, columns), every)


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_a_stored_matrix_is_the_rounded_one(config):
    weight = matrix()
    stored = QuantizedMatrix(*weight.shape, config).round_from(weight)
    assert torch.equal(stored(), rounded(weight, config))
    ids = torch.tensor([[3, 0], [11, 3]])
    assert torch.equal(stored.rows(ids), stored()[ids])
    with pytest.raises(IndexError):
        stored.rows(torch.tensor([-1]))


def test_finer_grids_move_weights_less():
    moved = [
        (rounded(matrix(64, 256), config) - matrix(64, 256)).square().mean()
        for config in (
            QuantizationConfig(bits=4),
            QuantizationConfig(bits=4, group_size=64),
            standard_quantization(4),
            standard_quantization(8),
        )
    ]
    assert moved == sorted(moved, reverse=True)
