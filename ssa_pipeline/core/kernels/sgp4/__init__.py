"""SGP4 (Vallado, Crawford, Hujsak & Kelso, "Revisiting Spacetrack Report #3", AIAA 2006-6753) for numba.

Constants WGS-72, opsmode 'i'. Initialisation (`init`, `deep_init`) follows python-sgp4 2.27 (MIT, Brandon Rhodes, after
David Vallado's C++; see NOTICE) operation by operation; `propagate` computes the same quantities with fewer
transcendental calls: the short-period corrections are small angles, so sin and cos of the corrected angle come from the
uncorrected ones by the addition theorem. `vector` does so for many times of a near-Earth object at once. Against
python-sgp4 the positions agree to far below 1 mm (ssa_pipeline_tests/unit/core/kernels/test_sgp4.py: the published
verification set and the whole catalogue).
"""
