"""Packing: on which host, and on which devices of it, a task leaves the least that nobody can use.

`arrays` holds the flat state, `kernels` the sums over it, `rule` TokenFlow's own choice. The
package imports numba, so only the verbs that pack may import it.
"""
