"""The kube-scheduler, modelled from its description, pod by pod in virtual time."""
