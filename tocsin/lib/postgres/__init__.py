"""The embedded PostgreSQL: a cluster of our own, run as a child of ours.

Words. The *cluster* is the folder with the data; the *postmaster* is the server's first process, the parent
of its *backends*. An *orphan* is a backend whose postmaster was killed: it lives on a moment and keeps the
shared memory, so that a new postmaster refuses to start.

Three facts shape the code. PostgreSQL refuses to run as root, so root drops to another user, and that user
may not be able to walk down to the cluster: the folder is handed over as an open descriptor, named
`/proc/self/fd/N`, which needs no permission on the folders above it. A number in a pid file proves nothing
after a crash (it may be a zombie, or another program by now): a lock held by us says whether somebody owns
the cluster, and the processes themselves carry the cluster's mark in their titles. And nobody may outlive us:
the kernel stops the postmaster when its supervisor dies.
"""

from tocsin.lib.postgres.cluster import Cluster, ClusterError

__all__ = ["Cluster", "ClusterError"]
