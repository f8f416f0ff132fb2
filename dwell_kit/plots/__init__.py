"""Table in, HoloViews object out, no arithmetic: overlay and restyle what comes back."""
