#!/usr/bin/env bash
# Trains examples/catalyst on two nodes of four ranks each: `sbatch examples/catalyst/slurm.sh` from the repository's root, after a build.
# Rank, world size and the first node's name are read from Slurm's variables; MASTER_PORT is a port that is free there.
#SBATCH --job-name=catalyst
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=2
#SBATCH --time=00:30:00
#SBATCH --output=catalyst-%j.txt
set -euo pipefail
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000)) OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK

logs=logs/$SLURM_JOB_ID
srun --label build/release/examples/catalyst --logdir "$logs" --num-epochs 8
