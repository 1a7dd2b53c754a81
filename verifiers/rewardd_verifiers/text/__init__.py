"""All extraction from completions, written once: parts, boxes, phrases, fences, words."""
