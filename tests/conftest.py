"""Set before scipy is imported: scikit-learn's array API tests need it."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")
