"""Refine a few texts in Python: what went, why, and the proof.

python examples/refine_texts.py
"""

import burnish

PAGE = """Home | Products | Login
Bees fly at dawn, as soon as the air is warm enough for their wings to carry them.
By noon most of the hive is out, and the fields are loud with them.
Subscribe to our newsletter
Copyright 2024. All rights reserved."""

for refiner in ("embedded", "rules"):
    refined = burnish.refine(PAGE, refiner=refiner)
    print(f"{refiner}: {refined.outcome}, {len(refined.spans)} stretches went")
    for call in refined.program.calls:
        print(f"  {call.note.reason} (sure by {call.note.confidence:.2f})")
    for line in refined.text.split("\n"):
        print(f"    {line}")
    # The certificate says, without any model, that nothing but deletion took place.
    assert not refined.certificate.fault(PAGE, refined.text)
