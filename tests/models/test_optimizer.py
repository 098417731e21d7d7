"""GroupedAdam: groups, schedules, decay, clipping; each shown by the weights it changes."""

import pytest
import torch
from thinc.api import Adam, constant, warmup_linear

from spacy_cqa.models.optimizer import make_grouped_adam


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(3, 3)
        self.head = torch.nn.Linear(3, 3)
        self.norm = torch.nn.LayerNorm(3)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.fill_(1.0)


def step(optimizer, module, gradient=1.0, key=1):
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, gradient)
    optimizer.step_module(key, module)


def moved(module):
    return {name: float((1.0 - parameter.detach()).abs().max()) for name, parameter in module.named_parameters()}


def test_groups_have_their_own_rates():
    module = Module()
    groups = {"head": {"pattern": "^head", "learn_rate": 0.1}, "still": {"pattern": "^norm", "learn_rate": 0.0}}
    step(make_grouped_adam(learn_rate=0.01, groups=groups, L2=0.0), module)
    change = moved(module)
    assert change["body.weight"] == pytest.approx(0.01, rel=1e-3)
    assert change["head.weight"] == pytest.approx(0.1, rel=1e-3)
    assert change["norm.weight"] == 0.0


def test_schedules_step():
    optimizer = make_grouped_adam(
        learn_rate=warmup_linear(1.0, 2, 10), groups={"head": {"pattern": "head", "learn_rate": constant(0.5)}}
    )
    rates = []
    for _ in range(4):
        rates.append((optimizer.learn_rate, optimizer.groups[0].learn_rate))
        optimizer.step_schedules()
    assert rates == [(0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (pytest.approx(0.875), 0.5)]


def test_decay_spares_biases_and_norms():
    module = Module()
    step(make_grouped_adam(learn_rate=0.1, L2=0.5), module, gradient=0.0)
    change = moved(module)
    assert change["body.weight"] == pytest.approx(0.05, rel=1e-3)
    assert change["body.bias"] == change["norm.weight"] == change["norm.bias"] == 0.0


def test_clipping_is_by_the_global_norm():
    module = Module()
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 10.0)
    optimizer = make_grouped_adam(learn_rate=0.0, grad_clip=1.0)
    seen = {}
    original = torch.optim.AdamW.step

    def spy(self, *args, **kwargs):
        seen["norm"] = sum(float((p.grad**2).sum()) for g in self.param_groups for p in g["params"]) ** 0.5
        return original(self, *args, **kwargs)

    torch.optim.AdamW.step = spy
    try:
        optimizer.step_module(1, module)
    finally:
        torch.optim.AdamW.step = original
    assert seen["norm"] == pytest.approx(1.0, rel=1e-3)


def test_gradients_are_cleared_and_a_new_module_gets_a_new_state():
    optimizer = make_grouped_adam(learn_rate=0.1, L2=0.0)
    first, second = Module(), Module()
    step(optimizer, first)
    assert all(parameter.grad is None for parameter in first.parameters())
    step(optimizer, second)
    assert moved(second)["body.weight"] == pytest.approx(0.1, rel=1e-3)


def test_trains_thinc_layers_as_adam_does():
    import numpy

    ours, theirs = make_grouped_adam(learn_rate=0.1, L2=0.0), Adam(0.1, use_averages=False)
    for optimizer in (ours, theirs):
        weights, gradient = numpy.ones(3, dtype="f"), numpy.ones(3, dtype="f")
        weights, _ = optimizer((1, "W"), weights, gradient)
        assert weights[0] == pytest.approx(0.9, rel=1e-3)
    assert not ours.averages


@pytest.mark.parametrize("make", [lambda: Adam(3e-3, use_averages=False), lambda: make_grouped_adam(learn_rate=3e-3)])
def test_component_learns_with_either(make, make_nlp, make_examples):
    nlp = make_nlp()
    examples, optimizer = make_examples(nlp), make()
    pipe = nlp.get_pipe("clinical_qa")
    losses = [pipe.update(examples, sgd=optimizer)["clinical_qa"] for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
