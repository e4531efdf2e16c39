"""From a log to labels: attribution, position bias, objectives; docs/labels.md."""
