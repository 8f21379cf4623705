"""The report of a netx file."""

from __future__ import annotations

from pathlib import Path

from loihi_sca import netx
from loihi_sca.pipeline.report.options import Options
from loihi_sca.pipeline.report.seen import look_at
from loihi_sca.reporting.chapters import (
    about_section,
    constants_section,
    exactness_section,
    network_section,
)
from loihi_sca.reporting.page import Page
from loihi_sca.reporting.text import plural
from loihi_sca.versions import versions


def page_of_network(path: Path, options: Options) -> Page:
    """Return the page of a network that no run is known of."""
    network = netx.read(path, input_shape=options.input_shape, timesteps=options.timesteps)
    chips = options.chips()
    found = look_at(network, network.name, options, None, chips)
    return Page(
        f"{network.name}: a network",
        f"{path.name}: {plural(len(network.layers), 'layer')}, {network.parameters:,} parameters, "
        f"digest {network.digest()}.",
        [
            network_section(found.seen),
            exactness_section(found.proofs),
            constants_section(chips),
            about_section(
                None, versions(), (), "How it was trained is not known from the file. The "
                "versions are those that made this report."
            ),
        ],
    )  # fmt: skip
