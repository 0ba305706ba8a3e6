"""Speed and memory, measured beside a peer or as a ratio, never asserted in the test suite."""
