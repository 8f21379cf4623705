"""Engines: a network and input spikes in, output spikes and activity counts out."""
