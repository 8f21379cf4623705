"""The pruner: watches a training loop, switches channels off and on, and takes them out in the end.

::

    pruner = loihi_sca.Pruner(model, sample, budget="cores=24", steps=epochs * len(loader))
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pruner.step(optimizer)
    pruner.finish(optimizer)

Training by a recipe does the same, with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError, TrainingError
from loihi_sca.model.blocks import Gated
from loihi_sca.model.removal import gated_in
from loihi_sca.model.states import forget_states
from loihi_sca.planning.outline import Outline, check_excluded
from loihi_sca.planning.rates import Rates
from loihi_sca.pruning.bits import bits_of
from loihi_sca.pruning.criteria import Criterion, criterion_of
from loihi_sca.pruning.decision import Decision
from loihi_sca.pruning.evidence import Evidence, Observation
from loihi_sca.pruning.options import config_of, schedule_of
from loihi_sca.pruning.prepare import Prepared, prepare
from loihi_sca.pruning.protection import check_holds, seeded
from loihi_sca.pruning.selection import ByLayer
from loihi_sca.pruning.state import SUMS, restore, tensors_of
from loihi_sca.pruning.structure import Structure
from loihi_sca.pruning.timeline import Timeline
from loihi_sca.pruning.update import Update, change_of
from loihi_sca.slayer.dynamics import ChannelActivity
from loihi_sca.whole import check_seed


class Pruner:
    """Prunes a model while you train it.

    Parameters
    ----------
    model : module or list of modules
        Blocks of ``slayer.block.cuba`` or ``sigma_delta``, trained or not, or of ours, run in a
        row. Its prunable blocks get gates: they compute what they did, times 0 for a channel that
        is off.
    sample : tensor (N, *in_shape, T), optional
        Input of the model, one sample or more. On it a copy is run, pruned and cut, so that what
        cannot be done shows now. Needed for all budgets but ``keep``, and for models with a forward
        pass of their own. A PruningConfig may stand in its place.
    config : PruningConfig, optional
        Everything at once, as in a recipe's section; the options below replace what they name.
    budget : str, optional
        ``"cores=24"``, ``"keep=0.5"``, ``"fits=1 chip"``...: see :data:`loihi_sca.config.BUDGETS`.
    chip : str, optional
        Profile for budgets of a chip.
    criterion : str or callable, optional
        See :mod:`loihi_sca.pruning.criteria`.
    steps : int, optional
        Optimizer steps of the whole training, over which the network shrinks by the schedule.
        Without, :meth:`step` only observes and :meth:`finish` prunes at once.
    steps_per_epoch : int, optional
        For a schedule in epochs, as a recipe has it.
    seed : int
        Of what a criterion draws.
    outline, rates : optional
        The model as the mapper sees it, and how busy it is; by default from the sample.
    reset : bool
        Let neurons with ``persistent_state=True`` start every sample afresh, in the model itself:
        that is what the chip does, and what is compiled.
    measure_bits : bool
        Count on the bits that weights have at an update, not on 8. Whoever trains on has to hold
        them (:func:`loihi_sca.pruning.bits.hold_bits`), as recipes do; for our own blocks.

    Attributes
    ----------
    blocks : dict of str to module
        Those that may lose channels.
    held : dict of str to str
        Those that keep all, and why.
    done : int
        Steps done.

    Raises
    ------
    UnsupportedLayer
        The model cannot be pruned; every obstacle is listed. It is unchanged.
    ConfigError
        The criterion is unknown or does not give one finite score per channel, an excluded block
        does not exist, the model has nothing to prune, a sample is needed, or the budget cannot be
        reached: the message says what can. The model is unchanged.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> def build():
    ...     sizes = [(16, 12), (12, 4)]
    ...     options = {"weight_scale": 4, "delay_shift": False}
    ...     blocks = [slayer.block.cuba.Dense(neuron, n, m, **options) for n, m in sizes]
    ...     return torch.nn.Sequential(*blocks)
    >>> model = build()
    >>> spikes, labels = (torch.rand(8, 16, 10) < 0.3).float(), torch.arange(8) % 4
    >>> optimizer = torch.optim.Adam(model.parameters())
    >>> pruner = loihi_sca.Pruner(model, spikes, budget="keep=0.5", steps=4)
    >>> for _ in range(4):
    ...     loss = torch.nn.functional.cross_entropy(model(spikes).sum(-1), labels)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     _ = pruner.step(optimizer)
    >>> _ = pruner.finish(optimizer)
    >>> loihi_sca.compile(model, (16,), 10).layers[-2].out_shape
    (6,)
    """

    def __init__(
        self,
        model: Any,
        sample: torch.Tensor | PruningConfig | None = None,
        config: PruningConfig | None = None,
        *,
        budget: str | None = None,
        chip: str | None = None,
        criterion: str | Criterion | None = None,
        steps: int | None = None,
        steps_per_epoch: int | None = None,
        seed: int = 0,
        outline: Outline | None = None,
        rates: Rates | None = None,
        reset: bool = False,
        measure_bits: bool = False,
    ) -> None:
        check_seed(seed)
        if isinstance(sample, PruningConfig):
            sample, config = None, sample
        named = criterion if isinstance(criterion, str) else None
        self.config = config_of(config, budget, chip, named)
        self.timeline = Timeline(schedule_of(self.config, steps, steps_per_epoch))
        measure = criterion_of(self.config.criterion) if named or not criterion else criterion
        self._restore_states = forget_states(model) if reset else None
        self._measure_bits = measure_bits
        try:
            self._set_up(prepare(model, sample), measure, seed, outline, rates)
        except BaseException:
            if self._restore_states is not None:
                self._restore_states()
            raise

    def _set_up(
        self, prepared: Prepared, measure: str | Criterion, seed: int, outline: Outline | None,
        rates: Rates | None,
    ) -> None:  # fmt: skip
        self.held, self.seed = prepared.held, seed
        check_excluded(self.config.exclude, prepared.prunable)
        channels = prepared.channels(self.config.exclude)
        if not channels:
            told = "; ".join(f"{name}: {why}" for name, why in self.held.items())
            raise ConfigError(
                f"pruning: the model has no prunable block, or all are excluded. {told}".rstrip()
            )
        self.decision = Decision(
            self.config, channels, outline or prepared.outline, rates or prepared.rates
        )
        self.structure = Structure(prepared, self.config.exclude)
        try:
            self.observation = Observation(self.blocks, measure)  # type: ignore[arg-type]
        except Exception:
            self.structure.remove_gates()
            raise
        self._finished = False
        self._averages: list[ByLayer] | None = None
        for block in self.blocks.values():
            block.observer = self._watch

    @property
    def blocks(self) -> dict[str, Gated]:
        """The blocks that may lose channels."""
        return self.structure.blocks

    @property
    def done(self) -> int:
        """Steps done."""
        return self.timeline.done

    @property
    def evidence(self) -> dict[str, Evidence]:
        """What has been seen since the last update, by block."""
        return self.observation.evidence

    @property
    def alive(self) -> dict[str, torch.Tensor]:
        """The channels that live, by block: bool (C,), on the CPU."""
        return self.structure.alive

    @property
    def is_due(self) -> bool:
        """Whether an update is due after the steps that were observed."""
        return self.timeline.is_due

    @property
    def is_final(self) -> bool:
        """Whether the schedule is over: the structure will not change any more."""
        return self.timeline.is_over

    def _watch(self, block: Gated, activity: ChannelActivity) -> None:
        self.structure.protection.remember(block)
        self.observation.observe(block, activity)

    def step(self, *optimizers: torch.optim.Optimizer) -> Update:
        """Collect what a batch says, and update the structure if the schedule says so.

        Call it after the optimizer's step and before gradients are cleared. What the optimizer did
        to pruned channels is undone.

        Parameters
        ----------
        optimizers : Optimizer
            Those that train the model; the moments of channels that change state are cleared.

        Returns
        -------
        Update
            Empty unless the structure was updated.

        Raises
        ------
        TrainingError
            The model has not run in training mode, or no gradient has arrived; or the pruner has
            finished.
        ConfigError
            The optimizers do not hold the weights of these blocks.
        """
        self.observe(*optimizers)
        return self.update_due(*optimizers)

    def observe(self, *optimizers: torch.optim.Optimizer) -> None:
        """Do the first half of :meth:`step`: collect what a batch says."""
        self._check(optimizers)
        self.structure.protection.restore()
        with seeded(self.seed, self.done):
            self.observation.after_backward(strict=True)
        self.timeline.count()

    def update_due(self, *optimizers: torch.optim.Optimizer) -> Update:
        """Do the second half of :meth:`step`: update the structure, if that is due.

        It stays due if the budget turns out to be out of reach.
        """
        if not self.is_due:
            return Update()
        aim, found = self.timeline.aim(), Update()
        if aim is not None:
            found = self.update(aim.progress, *optimizers, regenerate=aim.regenerate)
        self.timeline.settle()
        return found

    def update(
        self,
        progress: float,
        *optimizers: torch.optim.Optimizer,
        regenerate: float | None = None,
    ) -> Update:
        """Keep the highest-scoring channels, bring back the most demanded of the others.

        :meth:`step` does it by the schedule.

        Parameters
        ----------
        progress : float
            How far to go from the dense network, 0, to the budget, 1.
        optimizers : Optimizer
            The moments of channels that change state are cleared, so that a pruned channel does
            not drift and a regenerated one starts afresh.
        regenerate : float, optional
            Fraction of the channels to bring back, by default the recipe's.

        Raises
        ------
        TrainingError
            No batch has been seen since the last update, or a score is not a number.
        """
        if self._averages is None or any(e.batches for e in self.evidence.values()):
            self._averages = [self.observation.averages(what) for what in SUMS]
        scores, demands, rates = self._averages
        before = self.alive
        back = self.config.regenerate if regenerate is None else regenerate
        bits = bits_of(gated_in(self.structure.row)) if self._measure_bits else {}
        after, planned = self.decision.decide(scores, demands, rates, before, progress, back, bits)
        changes = {n: change_of(before[n], after[n], scores[n]) for n in self.blocks}
        self.structure.switch(after, optimizers)
        self.observation.clear()
        return Update({n: int(a.sum()) for n, a in after.items()}, changes, planned)

    def finish(self, *optimizers: torch.optim.Optimizer, early: bool = False) -> Update:
        """Take the channels that are off out of the model, and out of all that listens to them.

        The model's own modules get smaller and stay otherwise what they were; it computes the same,
        bit for bit, and training can go on with the same optimizers.

        Parameters
        ----------
        optimizers : Optimizer
            Those that train the model; their moments are cut along.
        early : bool
            Prune to the budget now, although the schedule is not over.

        Returns
        -------
        Update
            The channels that are left.

        Raises
        ------
        TrainingError
            The schedule is not over, or the pruner has finished already. Nothing is changed.
        ConfigError, UnsupportedLayer
            Something cannot be cut. Nothing is removed, and the pruner goes on.
        """
        self._check(optimizers)
        schedule = self.timeline.schedule
        if schedule is not None and not self.is_final and not early:
            raise TrainingError(
                f"after {self.done} steps the structure is not final: the last update comes after "
                f"step {schedule.last + 1}. Go on training, or call finish(optimizer, "
                "early=True) to prune to the budget now. Nothing is changed."
            )
        self.structure.protection.restore()
        update = Update({name: int(alive.sum()) for name, alive in self.alive.items()})
        if not self.is_final:
            update = self.update(1.0, *optimizers, regenerate=0.0)
        self.remove(*optimizers)
        return update

    def remove(self, *optimizers: torch.optim.Optimizer) -> None:
        """Take out what is off, wherever the schedule is; see :meth:`finish`."""
        self.structure.cut(optimizers)
        self._end()

    def cancel(self) -> None:
        """Take the gates off and let the model be what it was before, all channels in place."""
        if not self._finished:
            self.structure.open()
            self._end()
            if self._restore_states is not None:
                self._restore_states()

    def _end(self) -> None:
        self._finished = True
        self.observation.detach()
        self.structure.remove_gates()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return all that is needed to go on: tensors only, as safetensors takes them.

        The model and the optimizer have states of their own.
        """
        self._check(())
        return tensors_of(self)

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a state that :meth:`state_dict` returned, as if nothing had happened.

        Raises
        ------
        ConfigError
            It is the state of a pruner of another model. Nothing is changed.
        """
        self._check(())
        restore(self, state)

    def _check(self, optimizers: tuple[torch.optim.Optimizer, ...]) -> None:
        if self._finished:
            raise TrainingError(
                "the pruner has finished, and the model has no gates any more. Make a new one to "
                "prune further."
            )
        if optimizers:
            check_holds(optimizers, self.blocks)
