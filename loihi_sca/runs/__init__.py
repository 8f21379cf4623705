"""Many runs, each trained, deployed and measured: sweeps over a grid, and studies that search."""
