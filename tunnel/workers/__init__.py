"""Several processes that serve one front: the first of them hands out connections, the others are the workers."""
