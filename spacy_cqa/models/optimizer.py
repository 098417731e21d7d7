"""AdamW with parameter groups, for torch modules inside a thinc pipeline.

thinc's optimizers see one tensor at a time: they know no groups, clip each tensor alone, and decay biases too.
"""

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import torch
from thinc.api import Optimizer

Rate = Any  # float or a schedule: thinc's generators of floats, which pydantic cannot check without using them up

_NOT_DECAYED = re.compile(r"bias$|norm", re.IGNORECASE)


@dataclass
class ParameterGroup:
    """Parameters whose names match, and their learning rate.

    name (str): Name of the group.
    pattern (re.Pattern): Searched in the parameter's name.
    learn_rate (float): The rate at present.
    schedule (Optional[Iterator[float]]): The rates to come.
    """

    name: str
    pattern: Any
    learn_rate: float
    schedule: Optional[Any] = None

    def step(self) -> None:
        """Go on to the next rate; an exhausted schedule keeps its last."""
        if self.schedule is not None:
            self.learn_rate = float(next(self.schedule, self.learn_rate))


class GroupedAdam(Optimizer):
    """thinc's Adam for thinc layers, and torch's AdamW, with groups, for whole torch modules."""

    def __init__(
        self,
        learn_rate: Rate,
        *,
        groups: Dict[str, Dict[str, Any]],
        L2: float,
        grad_clip: float,
        beta1: float,
        beta2: float,
        eps: float,
    ):
        """See `make_grouped_adam`."""
        super().__init__(learn_rate, L2=L2, grad_clip=grad_clip, beta1=beta1, beta2=beta2, eps=eps, use_averages=False)
        self.groups = [_make_group(name, settings) for name, settings in groups.items()]
        self._modules: Dict[int, Tuple[List[int], torch.optim.AdamW]] = {}

    def step_schedules(self) -> None:
        """Go on to the next learning rates, called by spaCy after each update."""
        super().step_schedules()
        for group in self.groups:
            group.step()

    def step_module(self, key: int, module: torch.nn.Module) -> None:
        """Update all weights of a module from their gradients, clipped together by their global norm, and clear them.

        key (int): Names the module between calls.
        module (torch.nn.Module): The module.
        """
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if self.grad_clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.grad_clip)
        optimizer = self._optimizer_of(key, module)
        for group in optimizer.param_groups:
            group["lr"] = self._rate(group["name"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def _optimizer_of(self, key: int, module: torch.nn.Module) -> torch.optim.AdamW:
        """torch's optimizer of a module, made at its first step and anew when its parameters were replaced."""
        identity = [id(parameter) for parameter in module.parameters()]
        known = self._modules.get(key)
        if known is None or known[0] != identity:
            known = (identity, self._make_optimizer(module))
            self._modules[key] = known
        return known[1]

    def _make_optimizer(self, module: torch.nn.Module) -> torch.optim.AdamW:
        sorted_in: Dict[Tuple[str, bool], List[torch.nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            decayed = _NOT_DECAYED.search(name) is None
            sorted_in.setdefault((self._group_name(name), decayed), []).append(parameter)
        param_groups = [
            {"params": parameters, "name": name, "weight_decay": self.L2 if decayed else 0.0}
            for (name, decayed), parameters in sorted_in.items()
        ]
        return torch.optim.AdamW(param_groups, betas=(self.b1, self.b2), eps=self.eps, fused=True)

    def _group_name(self, parameter: str) -> str:
        return next((group.name for group in self.groups if group.pattern.search(parameter)), "")

    def _rate(self, name: str) -> float:
        return next((group.learn_rate for group in self.groups if group.name == name), float(self.learn_rate))


def make_grouped_adam(
    *,
    learn_rate: Rate = 5e-5,
    groups: Dict[str, Dict[str, Any]] = {},  # noqa: B006 - never written to; a config needs a plain default
    L2: float = 0.01,
    grad_clip: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> GroupedAdam:
    """AdamW (Loshchilov and Hutter, 2019, arXiv 1711.05101) with groups of parameters by name. Biases and norms are
    never decayed, gradients are clipped by the global norm of a module. thinc layers get thinc's Adam.

    learn_rate (Union[float, Iterable[float]]): Rate, or schedule, of parameters in no group.
    groups (Dict[str, Dict[str, Any]]): By name a `pattern`, searched in the names of parameters such as
        "encoder.encoder.layer.0.output.dense.weight" or "span_head.outputs.0.weight", and a `learn_rate`. The first
        group that matches counts. A rate of 0 keeps the parameters as they are.
    L2 (float): Weight decay.
    grad_clip (float): Greatest global norm of the gradient; 0 clips nothing.
    beta1 (float): Decay of the first moment.
    beta2 (float): Decay of the second moment.
    eps (float): Added to the root of the second moment.
    RETURNS (GroupedAdam): The optimizer.
    """
    return GroupedAdam(learn_rate, groups=groups, L2=L2, grad_clip=grad_clip, beta1=beta1, beta2=beta2, eps=eps)


def _make_group(name: str, settings: Dict[str, Any]) -> ParameterGroup:
    rate = settings["learn_rate"]
    pattern = re.compile(settings["pattern"])
    if isinstance(rate, (int, float)):
        return ParameterGroup(name, pattern, float(rate))
    schedule = iter(rate)
    return ParameterGroup(name, pattern, float(next(schedule)), schedule)
