"""The open tables that Intel's compilers printed for Loihi 2, every column, and our figures.

Cores of a row are full but for the last along an axis. YOLO-KP's table (lava-dl tutorial
``netx/yolo_kp/run.ipynb``) shows one full core per layer in percent with two decimals; PilotNet's
(compiler of January 2023) shows means over a layer's cores, cut to whole numbers, but the neurons
of a convolution's full tile. AxonMem is not modelled and not compared; YOLO-KP's Total is, with the
AxonMem of the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from loihi_sca.hardware import Architecture, LayerPlacement, Profile, map_network
from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build
from loihi_sca.hardware.mapping.compiler_table import compiler_table


class Value(NamedTuple):
    """One printed value and ours."""

    network: str
    layer: str
    column: str
    printed: object
    ours: object


# --- YOLO-KP, later compiler ----------------------------------------------------------------------

YOLO_KP = [
    # channels, kernel, stride, bits; AxonIn, NeuronGr, Neurons, Synapses, AxonMap, AxonMem entries,
    # Total; cores; tile W, H, C
    (16, 3, 2, 6, 0.01, 12.5, 87.52, 0.34, 1.40, 112, 19.88, 224, (8, 28, 16)),
    (32, 3, 2, 6, 0.01, 12.5, 87.52, 3.60, 0.70, 56, 21.65, 112, (8, 14, 32)),
    (64, 3, 2, 5, 0.01, 12.5, 87.52, 10.80, 0.35, 28, 26.99, 56, (4, 14, 64)),
    (128, 3, 2, 5, 0.01, 12.5, 87.52, 39.60, 0.17, 56, 50.03, 28, (4, 7, 128)),
    (256, 3, 1, 5, 0.01, 12.5, 87.52, 79.20, 0.17, 28, 81.57, 56, (4, 7, 128)),
    (256, 3, 2, 4, 0.01, 12.5, 87.52, 72.00, 0.35, 448, 78.05, 16, (8, 7, 64)),
    (512, 3, 1, 5, 0.01, 12.5, 87.52, 86.40, 0.35, 56, 87.61, 32, (8, 7, 64)),
    (256, 1, 1, 5, 0.01, 12.5, 87.52, 67.20, 0.09, 56, 72.04, 14, (2, 7, 256)),
    (512, 3, 1, 5, 0.01, 12.5, 87.52, 86.40, 0.35, 28, 87.47, 32, (8, 7, 64)),
    (48, 1, 1, 6, 0.01, 25.0, 65.64, 19.20, 16.80, 0, 42.26, 4, (4, 14, 48)),
]
"""AxonMem stands as the entries behind the printed percent: 0.70, 0.35, 0.17, 0.35, 0.17, 2.80,
0.35, 0.35, 0.17 and 0.00 % of 16 000."""


def yolo_kp() -> Architecture:
    layers = tuple(
        LayerEntry(
            type="conv", channels=row[0], kernel=row[1], stride=row[2], padding=row[1] // 2,
            weight_bits=row[3], neuron="sigma_output" if row is YOLO_KP[-1] else "sdnn",
        )
        for row in YOLO_KP
    )  # fmt: skip
    return build(ArchitectureFile(name="yolo-kp", input=(3, 448, 448), weight_bits=8, layer=layers))


def yolo_kp_values(profile: Profile) -> Iterator[Value]:
    for row, layer in zip(YOLO_KP, map_network(yolo_kp(), profile).layers, strict=True):
        *_, axon_in, groups, neurons, synapses, axon_map, axon_mem, total, cores, tile = row
        table = compiler_table(layer, profile, axon_mem)
        assert table is not None
        ours = {
            "AxonIn": (axon_in, table.axon_in),
            "NeuronGr": (groups, table.neuron_groups),
            "Neurons": (neurons, table.neurons),
            "Synapses": (synapses, table.synapses),
            "AxonMap": (axon_map, table.axon_map),
            "Total": (total, table.total),
        }
        for column, (printed, percents) in ours.items():
            yield Value("YOLO-KP", layer.spec.name, column, printed, rounded(percents))
        yield Value("YOLO-KP", layer.spec.name, "cores", cores, layer.cores)
        held = tuple(min(s, n) for s, n in zip(layer.tiling, layer.spec.shape, strict=True))
        yield Value("YOLO-KP", layer.spec.name, "tile", tile, held[::-1])


def rounded(percents: np.ndarray) -> float:
    """Round the fullest core's percent as the compiler prints it, to two decimals."""
    return float(f"{float(percents.max()):.2f}")


# --- PilotNet LIF and Oxford, compiler of January 2023 --------------------------------------------

PILOTNET = [
    # AxonIn, NeuronGr, Neurons, Synapses, AxonMap, cores
    (1, 1, 3168, 0, 1015, 13),
    (2, 1, 3072, 81, 253, 25),
    (2, 1, 2160, 864, 113, 13),
    (2, 1, 2688, 1620, 112, 3),
    (1, 1, 2048, 2160, 29, 3),
    (1, 1, 2048, 2880, 1280, 2),
    (2560, 1, 8, 7253, 8, 12),
    (100, 1, 50, 1300, 50, 1),
    (50, 1, 10, 150, 10, 1),
    (10, 1, 1, 10, 1, 1),
]


def pilotnet() -> Architecture:
    layers = [LayerEntry(type="input")]
    for channels, bits, stride, padding in (
        (24, 5, (2, 2), (0, 0)), (36, 4, (2, 2), (0, 0)), (48, 4, (2, 2), (0, 0)),
        (64, 4, (2, 1), (1, 0)), (64, 4, (1, 1), (0, 0)),
    ):  # fmt: skip
        layers.append(
            LayerEntry(
                type="conv", channels=channels, kernel=3, stride=stride, padding=padding,
                weight_bits=bits,
            )
        )  # fmt: skip
    for neurons, bits in ((100, 3), (50, 4), (10, 5), (1, 6)):
        layers.append(LayerEntry(type="dense", neurons=neurons, weight_bits=bits))
    return build(
        ArchitectureFile(name="pilotnet", input=(3, 66, 200), weight_bits=8, layer=tuple(layers))
    )


def pilotnet_values(profile: Profile, network: object = None) -> Iterator[Value]:
    placement = map_network(network or pilotnet(), profile)
    for row, layer in zip(PILOTNET, placement.layers, strict=True):
        for column, printed, ours in zip(
            ("AxonIn", "NeuronGr", "Neurons", "Synapses", "AxonMap", "cores"),
            row, whole_means(layer), strict=True,
        ):  # fmt: skip
            yield Value("PilotNet LIF", layer.spec.name, column, printed, ours)


def whole_means(layer: LayerPlacement) -> tuple[int, ...]:
    dense = layer.spec.geometry.kind == "dense"
    return (
        int(layer.in_axons.mean()),
        layer.neuron_groups,
        int(layer.neurons.mean() if dense else layer.neurons.max()),
        int(layer.words.mean()),
        int(layer.axon_map.mean()),
        layer.cores,
    )


OXFORD = [([127, 127, 2], 5400, 3), ([127, 73], 8064, 2)]
"""Neurons of each core, mean words, cores."""


def oxford() -> Architecture:
    layers = tuple(LayerEntry(type="dense", neurons=n) for n in (256, 200))
    return build(ArchitectureFile(name="oxford", input=200, weight_bits=8, layer=layers))


def oxford_values(profile: Profile, network: object = None) -> Iterator[Value]:
    placement = map_network(network or oxford(), profile)
    for (neurons, words, cores), layer in zip(OXFORD, placement.layers, strict=True):
        name = layer.spec.name
        yield Value("Oxford", name, "neurons of each core", neurons, layer.neurons.tolist())
        yield Value("Oxford", name, "Synapses", words, int(layer.words.mean()))
        yield Value("Oxford", name, "cores", cores, layer.cores)


# --- what each compiler's profile is held to ------------------------------------------------------

OPEN_TABLES = {
    "loihi2": (yolo_kp_values,),
    "loihi2-2023": (pilotnet_values, oxford_values),
}
"""By profile: the tables that its compiler printed."""


def compare(profile: Profile) -> list[Value]:
    """Return every printed value of the profile's open tables beside ours."""
    return [value for table in OPEN_TABLES[profile.name] for value in table(profile)]
