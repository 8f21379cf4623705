"""Training: a plain loop, checkpoints, run folders."""

import loihi_sca.slayer  # noqa: F401  (says what to install, before `import torch` fails bluntly)
