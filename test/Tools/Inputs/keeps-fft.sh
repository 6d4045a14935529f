#!/bin/sh
# Interesting (exit code 1) while the module still has a Fourier transform.
ssm-opt "$1" | grep -q ssm.fft && exit 1
exit 0
