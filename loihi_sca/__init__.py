"""loihi-sca: train spiking networks small, ship them exactly, know their cost on Loihi."""
