"""Jobs with keyed state on Flink.

Flink keeps the state, and an asynchronous operator of Flink can neither read nor write it. So the work of a key is
split over three operators, all built from the same job:

1. *Decide* keeps the state of each key, assumes that each operation will succeed, and emits operations.
2. *Execute* executes them, many at once, and emits the results in the order of the operations.
3. *Publish* remembers the keys whose last operation failed. The next operation of such a key is executed again for the
   state that the failure left, with the document that *Execute* has fetched.
"""
