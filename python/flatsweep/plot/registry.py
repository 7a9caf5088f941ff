"""Every figure by its name, and how one is drawn."""

import warnings

import matplotlib.pyplot as plt

from ..results import NotInFile, one_line
from . import finish as finishing
from . import (at_epochs, bases, continual, curvature, dynamics, edge, filters, first_mode, flatness, hyperparameters, learning_dimension,
               mlf, noise, noise_exponents, nulls, phase, pooled, prediction, spectrum, style, training, two_layers)

FIGURES = {
    function.__name__: function
    for function in (spectrum.fig1a, spectrum.fig1b, spectrum.fig1c, flatness.fig2_profiles,
                     flatness.fig2_variance_flatness, hyperparameters.fig2d_hyperparameters, training.figS01a,
                     training.figS01b, training.figS02, first_mode.figS03, curvature.figS04, mlf.figS05, mlf.figS06,
                     dynamics.figS07, dynamics.figS08, flatness.figS09, flatness.figS09d, dynamics.figS10,
                     dynamics.figS11, filters.figS12, continual.figS13, continual.figS14, noise.figS15,
                     learning_dimension.figS16, nulls.fig_window_scan, nulls.fig_sampling, nulls.fig_held_out,
                     pooled.fig_pooled_pca, curvature.fig_noise_curvature, curvature.fig_network_curvature,
                     at_epochs.fig_at_epochs, continual.fig_forgetting, bases.fig_bases, phase.fig_phase,
                     prediction.fig_prediction, two_layers.fig_two_layers, noise_exponents.fig_noise_exponents, edge.fig_edge,
                     training.fig_two_phases)
}


def drawn(function, subject, use=lambda figure: figure):
    """What `use` makes of a figure. Data that no figure can be drawn from, as a column of NaN, leave it out.

    The figure stays open for pyplot; whoever does not want it any more closes it.
    """
    before = set(plt.get_fignums())
    try:
        with warnings.catch_warnings(), style.applied():
            warnings.simplefilter("ignore")  # of matplotlib and numpy, about axes without data
            return use(finishing.finish(function(subject)))
    except Exception as error:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        if isinstance(error, (NotInFile, OSError)):
            raise
        raise NotInFile(f"its data cannot be drawn: {one_line(error)}") from error
