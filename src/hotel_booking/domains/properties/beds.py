"""Kinds of beds: hotels write them in many ways, and mean the same few."""

from __future__ import annotations

_SPELT = {
    **{f"{kind}_bed": kind for kind in ("single", "twin", "double", "queen", "king", "bunk")},
    **{f"{kind}_beds": kind for kind in ("single", "twin", "double", "queen", "king", "bunk")},
    **{f"{kind}_size": kind for kind in ("queen", "king")},
    **dict.fromkeys(("sofa", "sofabed", "sofa_beds", "pull_out", "pullout_sofa"), "sofa_bed"),
    **dict.fromkeys(("twins",), "twin"),
    **dict.fromkeys(("tatami_mat", "tatami_mats"), "tatami"),
}


def bed_kind(written: str) -> str:
    """The code of a kind of bed however it is written: sofa_bed for "Sofa-Bed". A kind of the hotel's own
    comes back in the same form."""
    known = "_".join(written.lower().replace("-", " ").replace("_", " ").split())
    return _SPELT.get(known, known)
