"""What a network will cost, and how to make it cheaper, before anything is trained.

    python examples/cost_before_training.py

Needs neither torch nor lava-dl.
"""

import loihi_sca

# channels under a budget of cores; the recipe may be a file of your own
planned = loihi_sca.plan("mnist", "cores=8", profile="loihi2")
print(planned.table())

# nothing has spiked yet: at a rate of 0.05 spikes per neuron and step, which trained networks reach
for architecture in (planned.dense, planned.planned):
    print(repr(loihi_sca.estimate(architecture, "loihi2", rate=0.05)))

# channel counts at which cores drop: between them nothing is saved
print(loihi_sca.cliffs(planned.dense, "loihi2").of("conv1").table())

# the other chip
print(repr(loihi_sca.map_network(planned.planned, "loihi1")))
