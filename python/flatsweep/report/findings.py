"""Sentences of result of a landscape study, made from its numbers and their flags.

A sentence is a text in which «psi» stands for a symbol of symbols.py.
"""

import math

from ..plot.prediction import shapes_differ
from . import summaries
from .fits import cell
from .points import points

FEW = 3  # grid points that have sentences of their own
NO_EVIDENCE = "«psi» alone is no evidence of a landscape"
CONFINING = f"{NO_EVIDENCE} that confines the weights"
WALK = "control walk with the same noise and no landscape («noise_walk»)"
NO_WALK = "no «noise_walk» was measured"
BEFORE = "the window lies before the exploration phase"
FLAGS = {  # words of psi_flags
    "no solution": "the training error was not 0 all through the window", "drift": "directions beyond the first drift or diffuse",
    "across lambda_x": "its directions lie on both sides of the crossover «lambda_x»", "no exponent": "there is no exponent",
    "few seeds": "fewer than three seeds have one",
}


def landscape(results):
    """What the run found, in sentences; none where it measured no psi."""
    found = points(results)
    if not found:
        return []
    if len(found) <= FEW:
        return [sentence for point in found for sentence in alone(point, len(found) > 1)]
    return [sentence for layer in dict.fromkeys(point.layer for point in found)
            for sentence in (*together(layer, [point for point in found if point.layer == layer]), *prediction(results, layer))]


def prediction(results, layer):
    """What goes with the test error over the grid beyond what shuffled grid points do."""
    path = f"summary/prediction/{layer}"
    if path not in results.file:
        return
    data = summaries.columns_of(results.file[path])
    yield _taus(data, "test_error", f"Over the grid {{}} of {len(data['measure'])} measures in {layer}")
    if shapes_differ(data["test_error_tau"], data["test_error_of_shape_tau"]):
        yield _taus(data, "test_error_of_shape", "Between networks of one shape {}")
    yield "Axes of the grid change both the measures and the test error, so that none of this is a cause."


def _taus(data, target, begin):
    """Which measures go with the target beyond chance."""
    tau, low, high = (data[f"{target}_{end}"] for end in ("tau", "null_low", "null_high"))
    beyond = sorted((row for row in range(len(tau)) if tau[row] < low[row] or tau[row] > high[row]), key=lambda row: -abs(tau[row]))
    if not beyond:
        return f"{begin.format('none')} goes with the test error more than shuffled grid points do, by Kendall's tau."
    texts = ", ".join(f"{data['measure'][row].replace('_', ' ')} {tau[row]:+.2f}" for row in beyond)
    return f"{begin.format(len(beyond))} {'goes' if len(beyond) == 1 else 'go'} with the test error more than shuffled grid points do, by Kendall's tau: {texts}."


def alone(point, several):
    """Of one grid point and layer."""
    place = f"In {point.layer}" + (f" at {point.where}" if point.where else "")
    made = (psi(point), flagged(point), held_out(point), crossover(point), parts(point), dimension(point), first_direction(point), errors(point))
    sentences = [text for text in made if text]
    if sentences:
        sentences[0] = f"{place}, {sentences[0]}"
    return sentences if not several else [" ".join(sentences)] if sentences else []


def psi(point):
    """psi beside its control: a psi that the control reaches is no evidence."""
    own, walk = point.fit("psi"), point.fit("walk_psi")
    if not own.known:
        return f"«psi» was not fitted: {own.status or 'it was not measured'}."
    return f"«psi» = {text_of(own)}; {control(own, walk)}."


def flags_of(point):
    """The words that flag psi; none of files that have no flags."""
    text = str(cell(point.columns, "psi_flags", point.row, ""))
    return [word for word in text.split(", ") if word in FLAGS]


def flagged(point):
    found = [FLAGS[word] for word in flags_of(point) if word != "no exponent"]
    if not found or not point.fit("psi").known:
        return ""
    return f"This «psi» is not to be quoted by itself: {'; '.join(found)}."


def text_of(own):
    """The exponent; an interval that does not know how seeds differ says so."""
    return own.text.replace(")", ", scatter within seeds)") if own.interval == "within seeds" else own.text


def control(own, walk):
    if not walk.known:
        return f"{NO_WALK} beside it, so that {NO_EVIDENCE}"
    given = f"a {WALK} gives {walk.text}"
    if walk.below(own):
        return f"{given}, so that this noise alone does not explain it"
    if walk.reaches(own):
        return f"{given}, so that {CONFINING}"
    return f"{given}, less, but no interval tells how far the two may be from each other"


def held_out(point):
    own, held = point.fit("psi"), point.fit("held_out_psi")
    if not (own.known and held.known):
        return ""
    found = f"Along «held_out» it is {held.text}"
    if held.below(own):
        return f"{found}: the rest of it is PCA's choice of directions."
    return f"{found}, no less as far as the intervals tell."


def crossover(point):
    """Where no direction, or no fit, lies above the crossover curvature, psi tells of one side only."""
    below, above, own = point.fit("psi_below"), point.fit("psi_above"), point.fit("psi")
    if not own.known or not own.points or "not measured" in (below.status, above.status) or not (below.points or above.points):
        return ""
    if below.points == own.points:
        seeds = cell(point.columns, "psi_seeds", point.row)
        of = f" of {seeds:.0f} seeds" if seeds > 1 else ""
        return (f"All {own.points} directions fitted{of} are flatter than the crossover «lambda_x», so that «psi» does not say how noise and "
                "restoring force balance.")
    if below.known and above.known:
        return f"It is {below.text} over directions flatter than the crossover «lambda_x» and {above.text} over sharper ones."
    return f"{below.points} of the {own.points} directions fitted are flatter than the crossover «lambda_x»."


def parts(point):
    noise, time = point.fit("psi_d"), point.fit("psi_tau")
    if not (noise.known and time.known):
        return ""
    return f"By definition it is the sum of «psi_d» = {noise.text}, of the noise, and «psi_tau» = {time.text}, of the correlation time."


def dimension(point):
    """D_l beside the free walk, and without direction 1 beside the noise walk."""
    own, free = point.number("learning_dimension"), point.seeds_mean("pca", "learning_dimension_null")
    rest, walk = point.number("learning_dimension_without_first"), point.seeds_mean("nulls", "walk_learning_dimension_without_first")
    if not math.isfinite(own):
        return ""
    text = f"«D_l» = {own:.3g}"
    if math.isfinite(free):
        verdict = ": this much is no free and isotropic diffusion" if own < free else ", no more"
        text += f"; a «random_walk» of this length needs {free:.3g}{verdict}"
    if math.isfinite(rest) and math.isfinite(walk):
        verdict = "no more, so that a small «D_l» does not show a landscape" if walk <= rest else "more"
        text += f". Without direction 1 it is {rest:.3g}; the «noise_walk» without its first needs {walk:.3g}, {verdict}"
    return text + "."


def first_direction(point):
    share, content = point.number("solution_alignment"), point.seeds_mean("pca", "c_1")
    if not math.isfinite(share):
        return ""
    text = f"«alignment» = {share:.2f}: direction 1 points {'mostly' if share > 0.7 else 'partly' if share > 0.3 else 'hardly'} along the weights"
    if math.isfinite(content):
        text += f", and «c_1» = {content:.2f}" + (": it is a drift" if content > 0.9 else "")
    return text + "."


def errors(point):
    train, test = point.number("train_error"), point.number("test_error")
    if not math.isfinite(train + test):
        return ""
    text = f"The test error is {100 * test:.2f} %, the training error {100 * train:.3g} %"
    return text + (f": {BEFORE}, where it is 0." if train > 0 else ".")


def together(layer, found):
    """Of many grid points of one layer: the range, and at how many the control reaches psi."""
    known = [point for point in found if point.fit("psi").known]
    if not known:
        return [f"In {layer} «psi» was fitted at none of the {len(found)} grid points: {found[0].fit('psi').status or 'not measured'}."]
    low, high = (end(known, key=lambda point: point.fit("psi").value) for end in (min, max))
    sentences = [f"In {layer} «psi» was fitted at {len(known)} of {len(found)} grid points and runs from {low.fit('psi').text} at {low.where} "
                 f"to {high.fit('psi').text} at {high.where}.", flags(found), controls(known), *dimensions(found), *spread_of_errors(found)]
    return [text for text in sentences if text]


def flags(found):
    """At how many points psi may be quoted, and what flags the others."""
    if "psi_flags" not in found[0].columns:
        return ""
    marked = [flags_of(point) for point in found]
    counts = {word: sum(word in flags for flags in marked) for word in FLAGS}
    clean = sum(not flags for flags in marked)
    reasons = "; ".join(f"{FLAGS[word]} at {count}" for word, count in counts.items() if count)
    return f"«psi» has no flag at {clean} of them" + (f": {reasons}." if reasons else ".")


def controls(known):
    beside = [point for point in known if point.fit("walk_psi").known]
    if not beside:
        return f"{NO_WALK.capitalize()}, so that {NO_EVIDENCE}."
    apart = [point for point in beside if point.fit("walk_psi").below(point.fit("psi"))]
    if not apart:
        return f"A {WALK} is not below it at any of the {len(beside)} where it was measured, so that {CONFINING}."
    places = "; ".join(point.where for point in apart[:FEW]) + (" and others" if len(apart) > FEW else "")
    return f"A {WALK} lies wholly below it at {len(apart)} of {len(beside)} grid points ({places}); at the others {NO_EVIDENCE}."


def dimensions(found):
    own = [point.number("learning_dimension") for point in found if math.isfinite(point.number("learning_dimension"))]
    free = [value for value in (point.seeds_mean("pca", "learning_dimension_null") for point in found) if math.isfinite(value)]
    if own and free:
        yield f"«D_l» is {span(own)}; a «random_walk» as long needs {span(free)}."


def span(values):
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def spread_of_errors(found):
    measured = [point for point in found if math.isfinite(point.number("test_error"))]
    if not measured:
        return
    low, high = (end(measured, key=lambda point: point.number("test_error")) for end in (min, max))
    least, most = (f"{100 * point.number('test_error'):.2f} %" for point in (low, high))
    yield f"The test error is {least}" + (f" at {low.where} to {most} at {high.where}." if most != least else " at all of them.")
    solved = [point for point in measured if not point.number("unsolved") >= point.number("replicas")]
    before = [point for point in solved if point.number("train_error") > 0]
    if before:
        yield f"At {len(before)} of {len(solved)} grid points the training error is not 0: {BEFORE}."
