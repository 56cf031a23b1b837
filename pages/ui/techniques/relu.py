"""ReLU on the techniques page: curves, a signal through many layers, units that are dead, and a race."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import streamlit as st

from alexnet_viz.charts import techniques as technique_charts
from alexnet_viz.charts import training as training_charts
from alexnet_viz.errors import UserError
from alexnet_viz.inspection.techniques import relu
from alexnet_viz.pictures.samples import SAMPLES
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.runs import History, Run, run
from alexnet_viz.words.i18n import N_, Translator
from alexnet_viz.words.numbers import percent
from pages.ui import messages
from pages.ui.choose import pictures
from pages.ui.frame.menu import PAGES
from pages.ui.store import networks, training
from pages.ui.store import pictures as stored
from pages.ui.techniques import cached
from pages.ui.techniques.parts import RANDOM
from pages.ui.widgets import live_run, show
from pages.ui.widgets.layout import Tabs, pick, tiles

NAMES: Mapping[str, str] = {"relu": N_("ReLU"), "tanh": N_("tanh"), "sigmoid": N_("sigmoid")}
TEN = 10  # layers of the example
DEFAULT = ("he", 20, 128, 0)  # initialisation, layers, width, seed of the random network
MODEL = "alexnet_cifar"
RACE_EPOCHS = 2
_NETWORK = "relu_network"  # session key: the random network that was looked at last, as DEFAULT
_RACE = "relu_race"  # session key: activation function -> id of the run


def _names(t: Translator) -> dict[str, str]:
    return {function: t(name) for function, name in NAMES.items()}


# ---- Curves ---------------------------------------------------------------------------------------------------------


def curves(t: Translator) -> None:
    """The three functions, their derivatives, and one x on all of them."""
    x = st.slider(t("x"), -cached.RELU_REACH, cached.RELU_REACH, 2.5, 0.1, key="relu_x")
    found, at = cached.relu_curves(), cached.relu_responses(x)
    names = _names(t)
    drawn = (
        ("relu_values", "f(x)", 1, "value", t("ReLU, tanh and sigmoid over x")),
        ("relu_slopes", "f'(x)", 2, "slope", t("The derivatives of ReLU, tanh and sigmoid over x")),
    )
    for place, (key, axis, line, point, alt) in zip(st.columns(2, gap="medium"), drawn, strict=True):
        lines = {function: curve[line] for function, curve in found.items()}
        points = {function: getattr(response, point) for function, response in at.items()}
        with place:
            show.chart(
                technique_charts.function_curves(found["relu"][0], lines, names, x, points, ("x", axis)), alt, key
            )
    show.table(
        [
            {
                t("Function"): names[function],
                "f(x)": f"{response.value:.4g}",
                "f'(x)": f"{response.slope:.4g}",
                t("Largest slope"): f"{response.steepest:g}",
                t("Ten layers at best"): f"{response.left_at_best(TEN):.3g}",
                t("Ten layers at this x"): f"{response.left(TEN):.3g}",
            }
            for function, response in at.items()
        ]
    )
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


# ---- Signal ---------------------------------------------------------------------------------------------------------


def signal(t: Translator) -> None:
    """A random signal through random layers, and a gradient back."""
    names = _names(t)
    left, right = st.columns(2, gap="medium")
    function = pick(t, t("Activation function"), NAMES, current="sigmoid", segments=True, key="relu_function", of=left)
    layers = left.slider(t("Layers"), 1, 50, DEFAULT[1], key="relu_layers")
    titles = {which: one.title for which, one in relu.INITIALISATIONS.items()}
    initialisation = pick(t, t("First weights"), titles, current=DEFAULT[0], key="relu_init", of=right)
    width = right.slider(t("Units in each layer"), 16, 512, DEFAULT[2], 16, key="relu_width")
    seed = st.number_input(t("Seed"), 0, 9999, DEFAULT[3], key="relu_seed")
    st.session_state[_NETWORK] = (initialisation, layers, width, seed)
    flows = cached.relu_flows(initialisation, layers, width, seed)
    flow = flows[function]
    left_over = _what_is_left(t, names[function], flow)
    st.markdown(f"**{left_over}**")
    figure = technique_charts.signal_and_gradient(
        {name: (found.std, found.gradient) for name, found in flows.items()},
        names,
        function,
        (t("signal"), t("gradient")),
        (t("Layer (0 is the input)"), t("Standard deviation")),
    )
    show.chart(figure, left_over, "relu_flow")
    st.caption(
        t(
            "The signal goes from left to right, the gradient from right to left. {count} random inputs; the gradient "
            "is that of a random projection of the output. No biases (the paper sets those of its hidden fully "
            "connected layers to 1), the same weights for all three functions, float32 as in training.",
            count=relu.INPUTS,
        )
    )
    _histograms(t, flow, function)
    st.caption(
        t(
            "The values in the last layer have a standard deviation of {std:.2g}; the part that differs from input to "
            "input has {own:.2g}. Of all values {zeros:.0%} are zero.",
            std=flow.std[-1],
            own=flow.of_input[-1],
            zeros=flow.zeros[-1],
        )
    )


def _what_is_left(t: Translator, name: str, flow: relu.Flow) -> str:
    left = flow.gradient_left
    return t(
        N_("{name}: behind {layers} layers the gradient is {left:.2g} times what it was.")
        if left
        else N_("{name}: behind {layers} layers nothing is left of the gradient; float32 has no number so small."),
        name=name,
        layers=flow.layers,
        left=left,
    )


def _histograms(t: Translator, flow: relu.Flow, function: str) -> None:
    """The values of some layers, over one range."""
    for place, layer, counts in zip(tiles(len(flow.shown), 150), flow.shown, flow.counts, strict=True):
        numbers = t(
            "layer {layer}: signal {std:.2g}, gradient {gradient:.2g}",
            layer=layer,
            std=flow.std[layer],
            gradient=flow.gradient[layer],
        )
        figure = technique_charts.small_histogram(counts, flow.edges, function)
        with place:
            show.chart(figure, t("Histogram of the values of {numbers}", numbers=numbers), f"relu_histogram_{layer}")
            st.caption(numbers)
    st.caption(
        t(
            "The values of some layers, all from {low:.2g} to {high:.2g}. Heights are square roots of the counts.",
            low=flow.edges[0],
            high=flow.edges[-1],
        )
    )


# ---- Dead units -----------------------------------------------------------------------------------------------------


def _dead_in_random(t: Translator) -> None:
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
            initialisation=t(relu.INITIALISATIONS[initialisation].title),
            share=flow.dead[-1],
            count=relu.INPUTS,
        )
    )
    numbers = [str(layer) for layer in range(1, layers + 1)]
    show.chart(
        technique_charts.shares_by_layer(numbers, [(t("dead units"), flow.dead[1:])], (t("Layer"), t("Dead units"))),
        t("Share of dead units in the last layer: {share:.0%}", share=flow.dead[-1]),
        "relu_dead_random",
    )


def dead(t: Translator) -> None:
    """Units at zero: in the random network of the experiment above, and in a trained one."""
    _dead_in_random(t)
    model = networks.model(MODEL)
    st.markdown(f"**{t('In a trained network')}**")
    chosen, other = st.columns([3, 1], vertical_alignment="bottom")
    with other:
        picture = pictures.picture_popover(t)
    samples = [stored.sample(sample_id, t) for sample_id in SAMPLES]
    everywhere, here = cached.relu_silence(model, samples), cached.relu_silence(model, [picture])
    layers = list(everywhere)
    layer = chosen.select_slider(t("Layer"), layers, "relu6", key="relu_layer")
    if not model.trained:
        st.info(t(RANDOM))
    zeros, always = here[layer].zeros[0], everywhere[layer].always
    figures = {
        t("Zeros, this photo"): percent(float(zeros)),
        t("All zero, this photo"): t("{count} of {of}", count=here[layer].always, of=here[layer].channels),
        t("All zero, every sample"): t("{count} of {of}", count=always, of=here[layer].channels),
    }
    for place, (label, value) in zip(tiles(len(figures), 210), figures.items(), strict=True):
        place.metric(label, value)
    shares = [
        (t("zeros, this photo"), [here[name].zeros[0] for name in layers]),
        (t("channels that are zero in every sample"), [everywhere[name].always_share for name in layers]),
    ]
    show.chart(
        technique_charts.shares_by_layer(layers, shares, (t("Layer"), t("Share")), layer),
        t(
            "{layer}: {zeros:.0%} zeros, {always} channels zero in every sample",
            layer=layer,
            zeros=zeros,
            always=always,
        ),
        "relu_dead_trained",
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


# ---- Race -----------------------------------------------------------------------------------------------------------


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
    with st.container(horizontal=True, vertical_alignment="center"):
        if live_run.any_active(racing.values()):
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
        live_run.follow(t, list(racing.values()), partial(_standings, t, racing))


def _start() -> None:
    """Queue three runs; the device takes them one after another."""
    started = st.session_state[_RACE] = {}
    for function in NAMES:
        config = TrainConfig.with_preset("fast", data="shapes", activation=function, epochs=RACE_EPOCHS)
        started[function] = training.start(config).id


def _stop() -> None:
    for one in _racing().values():
        if live_run.any_active([one]):
            training.jobs().stop(one)


def _racing() -> dict[str, Run]:
    """The runs of this visitor's race that are still there, by activation function."""
    found = {}
    for function, run_id in st.session_state.get(_RACE, {}).items():
        with suppress(UserError):  # it was deleted on the page of runs
            found[function] = run(run_id)
    return found


def _standings(t: Translator, racing: Mapping[str, Run], *histories: History) -> None:
    """How far each run is, and after how many steps it had learnt enough."""
    names, told = _names(t), dict(zip(racing, histories, strict=True))
    errors = {function: relu.training_errors([step.accuracy for step in one.steps]) for function, one in told.items()}
    reached = {function: relu.steps_to(error) for function, error in errors.items()}
    times = {function: relu.times_as_many(reached, function) for function in racing}
    show.table(
        [
            {
                t("Function"): names[function],
                t("State"): live_run.state(t, one),
                t("Steps"): len(told[function].steps),
                t("25 % error after"): t("{count} steps", count=steps)
                if (steps := reached[function])
                else t("not yet"),
                t("Times ReLU's steps"): f"{times[function]:.1f}" if times[function] else "-",
            }
            for function, one in racing.items()
        ]
    )
    for one in racing.values():
        live_run.say_problem(t, one)
    steps = {function: [step.step for step in one.steps] for function, one in told.items() if one.steps}
    if not steps:
        st.caption(t("No steps yet."))
        return
    losses = {function: relu.trailing_mean([step.loss for step in one.steps]) for function, one in told.items()}

    def lines(values: Mapping[str, relu.Values]) -> list[tuple]:
        return [(names[function], numbers, values[function]) for function, numbers in steps.items()]

    loss, error = st.columns(2, gap="medium")
    option = training_charts.epoch_curves(lines(losses), t("Training loss"), dots=False)
    loss.echarts_chart(option, height=280, key="relu_race_loss", alt=t("The training loss over the steps"))
    option = technique_charts.race_errors(lines(errors), t("Training error"), relu.ERROR)
    error.echarts_chart(option, height=280, key="relu_race_error", alt=t("The training error over the steps"))
    st.caption(
        t(
            "Means over the last {count} batches, as the network learns; the dotted line is an error of {goal:.0%}.",
            count=relu.BATCHES,
            goal=relu.ERROR,
        )
    )


EXPERIMENTS: Tabs = {
    "curves": (N_("Which function lets a gradient through?"), curves),
    "signal": (N_("What is left of a gradient behind many layers?"), signal),
    "dead": (N_("How many units are dead?"), dead),
    "race": (N_("Who learns faster?"), race),
}
