"""Folding norms before or in SpikingJelly's ``lava_exchange`` neurons: then all is exact.

``BlockContainer(Conv2d, CubaLIFNode(norm=BatchNorm2d))`` is lava-dl's block with
WgtScaleBatchNorm, and folds as that does: what divides the current multiplies the threshold, its
mean becomes a bias. In a Sequential of weights, torch BatchNorm and CubaLIFNode the norm goes into
weights on the neuron's grid, as in our own blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from loihi_sca.errors import ConfigError, TrainingError, UnsupportedLayer
from loihi_sca.frontend.affine import affine_that_varies
from loihi_sca.frontend.foldable import refuse_not_finite, shared_parts
from loihi_sca.frontend.folded_model import (
    Behaviour,
    FoldedModel,
    difference,
    over_time,
)
from loihi_sca.frontend.spikingjelly.blocks import WEIGHING
from loihi_sca.frontend.spikingjelly.modules import NORMS, as_row, fresh_copy, kind_of, step_mode_of
from loihi_sca.model.batch_norm import MANTISSA, held_bias
from loihi_sca.model.folded import FoldedBlock, Folding
from loihi_sca.model.folding import cut_channels, gain_for, weights_that_vary
from loihi_sca.model.outputs import tensors_of
from loihi_sca.model.samples import as_sample, forward_fails
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_DECAY, MAX_WEIGHT, MIN_BIAS, MIN_WEIGHT

FOLDABLE = (
    "Put BatchNorm1d or BatchNorm2d between weights and CubaLIFNode(current_decay=1.0) in a "
    "Sequential, or give the node of a BlockContainer its norm. Norms before other neurons are "
    "folded by loihi_sca.compile."
)


def fold_spikingjelly(model: Any, sample: torch.Tensor | None = None) -> FoldedModel:
    """Fold what :func:`loihi_sca.fold_batchnorm` folds, in a model of SpikingJelly's modules.

    Parameters
    ----------
    model : module or list of modules
        Not changed.
    sample : tensor (N, *in_shape, T), optional
        On which the difference is measured.

    Raises
    ------
    UnsupportedLayer
        A norm stands where it cannot be folded; all are listed.
    TrainingError
        There is no norm to fold, or one has not seen data.
    """
    replica = fresh_copy(as_row(model))
    places = list(_places(replica))
    problems = [text for place in places if (text := _problem(*place))]
    shared = shared_parts((name, synapse, node) for name, synapse, _, node in places)
    problems += [text for _, text in shared]
    if problems:
        raise UnsupportedLayer("; ".join(problems), FOLDABLE)
    if not places:
        raise TrainingError(
            "there is no batch norm to fold: the model has none before a "
            "lava_exchange.CubaLIFNode, nor in one. Was it folded already?"
        )
    layers = []
    for name, synapse, norm, node in places:
        with torch.no_grad():
            folded = _fold_shift if norm is node.norm else _fold_affine
            layers.append(folded(name, synapse, norm, node))
    names = [name for name, *_ in places]
    _drop_norms(replica, {norm for _, _, norm, _ in places})
    folding = Folding(tuple(layers))
    if sample is None:
        return FoldedModel(replica, folding, {})
    given = as_sample(sample).to(next(replica.parameters()).dtype)
    ours, theirs = (_behaviour(fresh_copy(as_row(x)), names, given) for x in (replica, model))
    return difference(replica, folding, {n: n for n in names}, ours, theirs, len(given))


Place = tuple[str, Any, Any, Any]
"""Name of what sends the spikes, synapse, norm and neuron."""


def _places(model: torch.nn.Module) -> Iterator[Place]:
    """Yield where a norm stands before a CubaLIFNode, or in one."""
    for path, part in model.named_modules():
        if kind_of(part) == "BlockContainer" and getattr(part.neuron, "norm", None) is not None:
            yield path, part.synapse, part.neuron.norm, part.neuron
        if not isinstance(part, torch.nn.Sequential):
            continue
        row = list(part._modules.items())
        for at, (key, node) in enumerate(row):
            if kind_of(node) != "CubaLIFNode":
                continue
            name = f"{path}.{key}" if path else key
            before = [module for _, module in row[max(at - 2, 0) : at]]
            if node.norm is not None:
                yield name, before[-1] if before else None, node.norm, node
            elif before and kind_of(before[-1]) in NORMS:
                yield name, before[0] if len(before) == 2 else None, before[-1], node


def _problem(name: str, synapse: Any, norm: Any, node: Any) -> str | None:
    if synapse is None or kind_of(synapse) not in WEIGHING:
        return f"{name}: a {type(norm).__name__} that is not straight behind weights"
    if norm is not node.norm and not isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
        return f"{name}: before it {type(norm).__name__} of lava_exchange, which belongs in a node"
    for part in (synapse, norm, node):
        if part._forward_pre_hooks or part._forward_hooks:
            return (
                f"{name}: a hook on its {type(part).__name__}, which a fold would lose or which "
                "would undo it; make it permanent (torch.nn.utils.remove_weight_norm, "
                "prune.remove) or remove it"
            )
    if bool((node.current_decay.round() != MAX_DECAY).any()):
        return (
            f"{name}: its neuron remembers the normed current, so that the norm acts on it again "
            "at every step"
        )
    if int(node.scale) != MANTISSA:
        return f"{name}: scale={node.scale}, to which no eight bits of weight belong"
    return None


def _fold_shift(name: str, synapse: Any, norm: Any, node: Any) -> FoldedBlock:
    """Fold SpikingJelly's copy of WgtScaleBatchNorm: weights stay what they are."""
    if not bool(norm.running_var.any()):
        raise TrainingError(
            f"{name}: its BatchNorm2d has not seen data, or nothing that varies. Train it, or run "
            "samples through the model in training mode first."
        )
    refuse_not_finite(name, synapse, norm)
    power = torch.ceil(torch.log2(torch.sqrt(norm.running_var + norm.eps)))
    power = power.clamp(-norm.weight_exp_bits, norm.weight_exp_bits)
    bias = -norm.pre_hook_fx(norm.running_mean)
    _set_bias(synapse, bias if synapse.bias is None else synapse.bias + bias)
    node.norm = None
    return FoldedBlock(name, _scale_threshold(name, node, float(2.0**power)), None, {}, {}, ())


def _fold_affine(name: str, synapse: Any, norm: Any, node: Any) -> FoldedBlock:
    """Fold torch's batch norm into weights on the neuron's grid."""
    if norm.running_mean is None or not int(norm.num_batches_tracked):
        raise TrainingError(
            f"{name}: the {type(norm).__name__} before it has not seen data, or keeps no running "
            "statistics. Train it, or run samples through the model in training mode first."
        )
    refuse_not_finite(name, synapse, norm)
    factor, shift, varies = affine_that_varies(norm)
    weight = synapse.weight.double() * factor.reshape(-1, *[1] * (synapse.weight.dim() - 1))
    if synapse.bias is not None:
        shift = shift + synapse.bias.double() * factor
    if not bool(weight.any()):
        raise TrainingError(f"{name}: folding would leave no weights: nothing before it varies.")
    heard = weights_that_vary(weight, norm.running_var, norm.eps)
    gain = gain_for(heard, float(node.v_threshold), node.quantize_8bit)
    # SpikingJelly's quantiser ends at an odd 255
    synapse.weight.copy_(node.quantize_8bit(weight * gain).clamp(max=MAX_WEIGHT / MANTISSA))
    _set_bias(synapse, held_bias(torch.round(shift * gain * MANTISSA) / MANTISSA))
    return FoldedBlock(
        name=name,
        threshold=_scale_threshold(name, node, gain),
        snr_db=None,
        cut_weights=cut_channels(weight * gain, MIN_WEIGHT, MAX_WEIGHT, step=2),
        cut_biases=cut_channels(shift * gain, MIN_BIAS, MAX_BIAS, step=1),
        constant=tuple((~varies).nonzero().flatten().tolist()),
    )


def _set_bias(synapse: Any, bias: torch.Tensor) -> None:
    """Give a synapse a bias that is not learnt: off its grid it would have no counterpart."""
    values = bias.detach().to(synapse.weight.dtype)
    synapse.bias = torch.nn.Parameter(values, requires_grad=False)


def _scale_threshold(name: str, node: Any, factor: float) -> int:
    mantissa = float(node.v_threshold) * factor * MANTISSA
    if abs(mantissa - round(mantissa)) > 1e-3 or mantissa < 1:
        raise ConfigError(
            f"{name}: a threshold of {node.v_threshold:g} times {factor:g} is no whole mantissa "
            f"({mantissa:g}). Train with a threshold that is a multiple of 1/8."
        )
    node.v_threshold = round(mantissa) / MANTISSA
    node.lava_cuba_neuron_params = {
        **node.lava_cuba_neuron_params, "threshold": node.v_threshold,
    }  # fmt: skip
    return round(mantissa)


def _drop_norms(model: torch.nn.Module, norms: set[Any]) -> None:
    """Let norms that are folded do nothing; names of modules stay."""
    for part in model.modules():
        for key, child in list(part._modules.items()):
            if child in norms:
                part._modules[key] = torch.nn.Identity()


def _behaviour(model: torch.nn.Module, names: Sequence[str], sample: torch.Tensor) -> Behaviour:
    """Run a model in either step mode."""
    found: dict[str, list[torch.Tensor]] = {}
    for name in names:

        def note(_part: object, _given: object, sent: torch.Tensor, name: str = name) -> None:
            found.setdefault(name, []).append(sent)

        model.get_submodule(name).register_forward_hook(note)
    steps, size = sample.movedim(-1, 0), (sample.shape[-1], len(sample))
    try:
        with torch.no_grad():
            several = step_mode_of(model) == "m"
            returned = model(steps) if several else torch.stack([model(step) for step in steps])
    except Exception as error:  # the user's own code: anything may happen there
        raise forward_fails(model, sample, error) from error
    timed = [x.movedim(0, -1) if x.shape[:2] == size else x for _, x in tensors_of(returned)]
    return Behaviour(found, over_time(timed, len(sample), len(steps)))
