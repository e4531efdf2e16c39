"""One page that says what an evaluation found, and the files beside it for programs."""
