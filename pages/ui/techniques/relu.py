"""ReLU on the techniques page: curves, a signal through many layers, units that are dead, and a race."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.charts import training as training_charts
from alexnet_viz.errors import UserError
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.runs import STATES, History, Run, run
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import messages
from pages.ui.choose import pictures
from pages.ui.frame.menu import PAGES
from pages.ui.store import networks, training
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached
from pages.ui.widgets import live_run
from pages.ui.widgets.layout import tiles
from pages.ui.widgets.show import FIXED

if TYPE_CHECKING:
    from alexnet_viz.inspection.techniques.relu import Flow, Response

NAMES: Mapping[str, str] = {"relu": N_("ReLU"), "tanh": N_("tanh"), "sigmoid": N_("sigmoid")}
TEN = 10  # layers of the example
DEFAULT = ("he", 20, 128, 0)  # initialisation, layers, width, seed of the random network
MODEL = "alexnet_cifar"
RACE_EPOCHS = 2
_NETWORK = "relu_network"  # session key: the random network that was looked at last, as DEFAULT
_RACE = "relu_race"  # session key: activation function -> id of the run
_SEEN = "relu_seen"  # session key: run id -> live_run.Seen


# Curves


def curves(t: Translator) -> None:
    """The three functions, their derivatives, and one x on all of them."""
    x = st.slider(t("x"), -cached.RELU_REACH, cached.RELU_REACH, 2.5, 0.1, key="relu_x")
    found, at = cached.relu_curves(), cached.relu_responses(x)
    names = _names(t)
    values, slopes = st.columns(2, gap="medium")
    with values:
        st.plotly_chart(
            technique_charts.function_curves(
                found["relu"][0],
                {function: value for function, (_, value, _) in found.items()},
                names,
                x,
                {function: response.value for function, response in at.items()},
                ("x", "f(x)"),
            ),
            config=FIXED,
            key="relu_values",
            alt=t("ReLU, tanh and sigmoid over x"),
        )
    with slopes:
        st.plotly_chart(
            technique_charts.function_curves(
                found["relu"][0],
                {function: slope for function, (_, _, slope) in found.items()},
                names,
                x,
                {function: response.slope for function, response in at.items()},
                ("x", "f'(x)"),
            ),
            config=FIXED,
            key="relu_slopes",
            alt=t("The derivatives of ReLU, tanh and sigmoid over x"),
        )
    st.dataframe([_response_row(t, names[function], response) for function, response in at.items()], hide_index=True)
    st.markdown(
        t(
            "On its way back through a layer, a gradient is multiplied by f'(x). Ten layers with the largest slope "
            "leave all of it with ReLU and tanh, and {share:.2g} with sigmoid (0.25¹⁰). But tanh has its largest "
            "slope at 0 only, ReLU everywhere above 0. At x = {x:.1f} ten layers leave {relu:.2g}, {tanh:.2g} and "
            "{sigmoid:.2g}.",
            share=at["sigmoid"].left_at_best(TEN),
            x=x,
            **{function: response.left(TEN) for function, response in at.items()},
        )
    )
    st.caption(t("At 0 ReLU has a corner and no derivative; PyTorch takes 0 there. Weights are left aside here."))


def _response_row(t: Translator, name: str, response: "Response") -> dict[str, str]:
    return {
        t("Function"): name,
        "f(x)": f"{response.value:.4g}",
        "f'(x)": f"{response.slope:.4g}",
        t("Largest slope"): f"{response.steepest:g}",
        t("Ten layers at best"): f"{response.left_at_best(TEN):.3g}",
        t("Ten layers at this x"): f"{response.left(TEN):.3g}",
    }


# Signal


def signal(t: Translator) -> None:
    """A random signal through random layers, and a gradient back."""
    from alexnet_viz.inspection.techniques.relu import INITIALISATIONS, INPUTS

    names = _names(t)
    left, right = st.columns(2, gap="medium")
    with left:
        function = st.segmented_control(
            t("Activation function"),
            list(NAMES),
            default="sigmoid",
            format_func=names.__getitem__,
            required=True,
            key=f"relu_function_{t.language}",
        )
        layers = st.slider(t("Layers"), 1, 50, DEFAULT[1], key="relu_layers")
    with right:
        initialisation = st.selectbox(
            t("First weights"),
            list(INITIALISATIONS),
            list(INITIALISATIONS).index(DEFAULT[0]),
            format_func=lambda which: t(INITIALISATIONS[which].title),
            key=f"relu_init_{t.language}",
        )
        width = st.slider(t("Units in each layer"), 16, 512, DEFAULT[2], 16, key="relu_width")
    seed = st.number_input(t("Seed"), 0, 9999, DEFAULT[3], key="relu_seed")
    st.session_state[_NETWORK] = (initialisation, layers, width, seed)
    flows = cached.relu_flows(initialisation, layers, width, seed)
    flow = flows[function]
    st.markdown(f"**{_what_is_left(t, names[function], flow)}**")
    st.plotly_chart(
        technique_charts.signal_and_gradient(
            {name: (found.std, found.gradient) for name, found in flows.items()},
            names,
            function,
            (t("signal"), t("gradient")),
            (t("Layer (0 is the input)"), t("Standard deviation")),
        ),
        config=FIXED,
        key="relu_flow",
        alt=_what_is_left(t, names[function], flow),
    )
    st.caption(
        t(
            "The signal goes from left to right, the gradient from right to left. {count} random inputs; the gradient "
            "is that of a random projection of the output. No biases (the paper sets those of its hidden fully "
            "connected layers to 1), the same weights for all three functions, float32 as in training.",
            count=INPUTS,
        )
    )
    _histograms(t, flow, function)
    st.caption(
        t(
            "The values in the last layer have a standard deviation of {std:.2g}; the part that differs from input to "
            "input has {own:.2g}. Of all values {zeros:.0%} are zero.",
            std=float(flow.std[-1]),
            own=float(flow.of_input[-1]),
            zeros=float(flow.zeros[-1]),
        )
    )


def _what_is_left(t: Translator, name: str, flow: "Flow") -> str:
    if flow.gradient_left == 0:
        return t(
            "{name}: behind {layers} layers nothing is left of the gradient; float32 has no number so small.",
            name=name,
            layers=flow.layers,
        )
    return t(
        "{name}: behind {layers} layers the gradient is {left:.2g} times what it was.",
        name=name,
        layers=flow.layers,
        left=flow.gradient_left,
    )


def _histograms(t: Translator, flow: "Flow", function: str) -> None:
    """The values of some layers, over one range."""
    for place, layer, counts in zip(tiles(len(flow.shown), 150), flow.shown, flow.counts, strict=True):
        numbers = t(
            "layer {layer}: signal {std:.2g}, gradient {gradient:.2g}",
            layer=layer,
            std=float(flow.std[layer]),
            gradient=float(flow.gradient[layer]),
        )
        with place:
            st.plotly_chart(
                technique_charts.small_histogram(counts, flow.edges, function),
                config=FIXED,
                key=f"relu_histogram_{layer}",
                alt=t("Histogram of the values of {numbers}", numbers=numbers),
            )
            st.caption(numbers)
    st.caption(
        t(
            "The values of some layers, all from {low:.2g} to {high:.2g}. Heights are square roots of the counts.",
            low=float(flow.edges[0]),
            high=float(flow.edges[-1]),
        )
    )


# Dead units


def dead(t: Translator) -> None:
    """Units at zero: in the random network of the section above, and in a trained one."""
    _dead_in_random(t)
    _dead_in_trained(t)


def _dead_in_random(t: Translator) -> None:
    from alexnet_viz.inspection.techniques.relu import INITIALISATIONS, INPUTS

    initialisation, layers, width, seed = st.session_state.get(_NETWORK, DEFAULT)
    flow = cached.relu_flows(initialisation, layers, width, seed)["relu"]
    st.markdown(f"**{t('In a random network')}**")
    st.markdown(
        t(
            "The network of the experiment above ({layers} layers of {width} units, {initialisation}), with ReLU. In "
            "its last layer {share:.0%} of the units are zero for all {count} inputs. No gradient reaches the weights "
            "of such a unit, so they do not learn from these inputs.",
            layers=layers,
            width=width,
            initialisation=t(INITIALISATIONS[initialisation].title),
            share=float(flow.dead[-1]),
            count=INPUTS,
        )
    )
    st.plotly_chart(
        technique_charts.shares_by_layer(
            [str(layer) for layer in range(1, layers + 1)],
            [(t("dead units"), [float(share) for share in flow.dead[1:]])],
            (t("Layer"), t("Dead units")),
        ),
        config=FIXED,
        key="relu_dead_random",
        alt=t("Share of dead units in the last layer: {share:.0%}", share=float(flow.dead[-1])),
    )


def _dead_in_trained(t: Translator) -> None:
    model = networks.model(MODEL)
    st.markdown(f"**{t('In a trained network')}**")
    chosen, other = st.columns([3, 1], vertical_alignment="bottom")
    with other:
        picture = pictures.picture_popover(t)
    samples = [stored.sample(sample_id, t) for sample_id in SAMPLES]
    everywhere = cached.relu_silence(model, samples)
    here = cached.relu_silence(model, [picture])
    layers = list(everywhere)
    with chosen:
        layer = st.select_slider(t("Layer"), layers, "relu6", key="relu_layer")
    if not model.trained:
        st.info(t("Random weights: these numbers show how it is worked out, not what a trained network sees."))
    zeros, silent, always = tiles(3, 210)
    zeros.metric(t("Zeros, this photo"), percent(float(here[layer].zeros[0])))
    count = {"of": here[layer].channels}
    silent.metric(t("All zero, this photo"), t("{count} of {of}", count=here[layer].always, **count))
    always.metric(t("All zero, every sample"), t("{count} of {of}", count=everywhere[layer].always, **count))
    st.plotly_chart(
        technique_charts.shares_by_layer(
            layers,
            [
                (t("zeros, this photo"), [float(here[name].zeros[0]) for name in layers]),
                (t("channels that are zero in every sample"), [everywhere[name].always_share for name in layers]),
            ],
            (t("Layer"), t("Share")),
            layer,
        ),
        config=FIXED,
        key="relu_dead_trained",
        alt=t(
            "{layer}: {zeros:.0%} zeros, {always} channels zero in every sample",
            layer=layer,
            zeros=float(here[layer].zeros[0]),
            always=everywhere[layer].always,
        ),
    )
    st.caption(
        t(
            "{name}: {pictures} sample pictures, among them the drawn patterns. A channel is one map of a convolution, "
            "or one unit of a fully connected layer. Many zeros are no fault: each channel waits for what it knows. "
            "Zero in so few pictures does not prove that a unit is dead: that takes the whole training set.",
            name=t(model.entry.title),
            pictures=len(samples),
        )
    )


# Race


def race(t: Translator) -> None:
    """Three short runs, one for each function, started and followed from here."""
    st.markdown(
        t(
            "The paper's figure 1: a four-layer CNN on CIFAR-10 reaches 25 % training error six times faster with ReLU "
            "than with tanh. The learning rate was tuned for each network, nothing was regularised, and the size of "
            "the effect varies with the network."
        )
    )
    st.markdown(
        t(
            "Here three runs of the CIFAR network (eight layers with weights) learn Shapes-10 for two epochs, one "
            "after another, each in about a minute on two cores. They share one recipe, learning rate and weight decay "
            "included, and first weights made for ReLU. So it does not repeat figure 1: the factor will be another, "
            "and a learning rate tuned for each function could change it again."
        )
    )
    racing = _racing()
    active = any(_active(one) for one in racing.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        if active:
            stop = messages.guarded(_stop)
            st.button(t("Stop the race"), icon=":material/stop:", on_click=stop, key="relu_race_stop")
        else:
            words = t("Race again") if racing else t("Start the race")
            if st.button(words, icon=":material/play_arrow:", type="primary", key="relu_race_start"):
                with messages.shown(t):
                    _start()
                    st.rerun()
        st.page_link(
            PAGES["runs"].file,
            label=t("All runs"),
            icon=":material/history:",
            query_params={"run": next(iter(racing.values())).id} if racing else None,
        )
    if racing:
        st.fragment(_live, run_every=live_run.EVERY if active else None)(t, racing, active)


def _start() -> None:
    """Queue three runs; the device takes them one after another."""
    st.session_state[_RACE] = {}
    st.session_state[_SEEN] = {}
    for function in NAMES:
        config = TrainConfig.with_preset("fast", data="shapes", activation=function, epochs=RACE_EPOCHS)
        st.session_state[_RACE][function] = training.start(config).id


def _stop() -> None:
    for one in _racing().values():
        if _active(one):
            training.jobs().stop(one)


def _racing() -> dict[str, Run]:
    """The runs of this visitor's race that are still there, by activation function."""
    found = {}
    for function, run_id in st.session_state.get(_RACE, {}).items():
        with suppress(UserError):  # it was deleted on the page of runs
            found[function] = run(run_id)
    return found


def _active(one: Run) -> bool:
    return training.jobs().state(one) in live_run.ACTIVE


def _live(t: Translator, racing: Mapping[str, Run], was_active: bool) -> None:
    from alexnet_viz.inspection.techniques.relu import ERROR, steps_to, times_as_many, training_errors

    with messages.shown(t):
        if was_active and not any(_active(one) for one in racing.values()):
            st.rerun()  # once more as a whole, which ends the timer
        told = {function: _told(one) for function, one in racing.items()}
        errors = {function: training_errors([step.accuracy for step in one.steps]) for function, one in told.items()}
        reached = {function: steps_to(error) for function, error in errors.items()}
        names = _names(t)
        rows = [
            {
                t("Function"): names[function],
                t("State"): t(STATES[training.jobs().state(one)]),
                t("Steps"): len(told[function].steps),
                t("25 % error after"): _steps(t, reached[function]),
                t("Times ReLU's steps"): _times(times_as_many(reached, function)),
            }
            for function, one in racing.items()
        ]
        st.dataframe(rows, hide_index=True)
        for one in racing.values():
            if problem := one.status().problem:
                messages.error(messages.said(problem, t))
        _race_charts(t, told, errors, ERROR)


def _told(one: Run) -> History:
    seen = st.session_state.setdefault(_SEEN, {})
    return seen.setdefault(one.id, live_run.Seen(one.id)).catch_up(one)


def _steps(t: Translator, steps: int | None) -> str:
    return t("{count} steps", count=steps) if steps else t("not yet")


def _times(times: float | None) -> str:
    return f"{times:.1f}" if times else "-"


def _race_charts(
    t: Translator, told: Mapping[str, History], errors: Mapping[str, Sequence[float]], goal: float
) -> None:
    from alexnet_viz.inspection.techniques.relu import BATCHES, trailing_mean

    names = _names(t)
    steps = {function: [step.step for step in one.steps] for function, one in told.items() if one.steps}
    if not steps:
        st.caption(t("No steps yet."))
        return
    loss, error = st.columns(2, gap="medium")
    with loss:
        lines = [
            (names[function], numbers, trailing_mean([step.loss for step in told[function].steps]))
            for function, numbers in steps.items()
        ]
        option = training_charts.epoch_curves(lines, t("Training loss"), dots=False)
        st.echarts_chart(option, height=280, key="relu_race_loss", alt=t("The training loss over the steps"))
    with error:
        lines = [(names[function], numbers, errors[function]) for function, numbers in steps.items()]
        option = technique_charts.race_errors(lines, t("Training error"), goal)
        st.echarts_chart(option, height=280, key="relu_race_error", alt=t("The training error over the steps"))
    st.caption(
        t(
            "Means over the last {count} batches, as the network learns; the dotted line is an error of {goal:.0%}.",
            count=BATCHES,
            goal=goal,
        )
    )


def _names(t: Translator) -> dict[str, str]:
    return {function: t(name) for function, name in NAMES.items()}


SECTIONS: Mapping[str, tuple[str, Callable[[Translator], None]]] = {
    "curves": (N_("Which function lets a gradient through?"), curves),
    "signal": (N_("What is left of a gradient behind many layers?"), signal),
    "dead": (N_("How many units are dead?"), dead),
    "race": (N_("Who learns faster?"), race),
}
