"""Models of lava-dl's blocks that can be compiled, drawn by hypothesis."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from loihi_sca.slayer.lava import slayer

cuba = slayer.block.cuba
Norm = slayer.neuron.norm.MeanOnlyBatchNorm


@st.composite
def models(draw):
    """Draw a model of lava-dl blocks that can be compiled, and the shape of its input."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(3, 8)), draw(st.integers(3, 8)))
    in_shape, blocks, spatial = shape, [], True

    def params():
        decay = st.sampled_from([0.0, 0.1, 0.5, 1.0])
        norm = draw(st.sampled_from([None, Norm]))
        return {"threshold": draw(st.sampled_from([0.1, 0.5, 1.5])), "current_decay": draw(decay),
                "voltage_decay": draw(decay), "norm": norm}  # fmt: skip

    def common():
        return {"delay_shift": False, "weight_scale": draw(st.sampled_from([1, 3])),
                "weight_norm": draw(st.booleans())}  # fmt: skip

    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "conv", "pool", "dense"] if spatial else ["dense"]))
        even = [n for n in (1, 2, 3) if not (shape[1] % n or shape[2] % n)] if spatial else []
        if kind == "conv":
            kernel = [draw(st.integers(1, min(3, n))) for n in shape[1:]]
            pair = st.tuples(st.integers(1, 2), st.integers(1, 2))
            groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
            out = groups * draw(st.integers(1, 3))
            padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
            dilation = draw(pair) if min(shape[1:]) > 5 else 1
            block = cuba.Conv(params(), shape[0], out, kernel, stride=draw(pair), padding=padding,
                              dilation=dilation, groups=groups, **common())  # fmt: skip
        elif kind == "pool" and len(even) > 1:
            block = cuba.Pool(params(), draw(st.sampled_from(even[1:])), delay_shift=False,
                              weight_scale=draw(st.sampled_from([0.5, 2])))  # fmt: skip
        else:
            if spatial:
                blocks.append(cuba.Flatten())
                spatial, shape = False, (int(np.prod(shape)),)
            delay = draw(st.booleans())
            block = cuba.Dense(params(), shape[0], draw(st.integers(1, 9)), delay=delay, **common())
        with torch.no_grad():
            flow = torch.rand(1, *shape, 3)
            shape = tuple(block(flow).shape[1:-1])
        blocks.append(block)
    model = torch.nn.Sequential(*blocks)
    for part in model.modules():
        if isinstance(part, Norm):
            part.running_mean = 0.3 * torch.randn(part.num_features)
        if isinstance(part, slayer.axon.Delay):
            part.delay.data = torch.rand_like(part.delay) * draw(st.sampled_from([0.9, 4, 30]))
    return model.eval(), in_shape
