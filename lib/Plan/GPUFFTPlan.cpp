//===- GPUFFTPlan.cpp - How a block of a GPU transforms -------------------===//
#include "ssm/Plan/GPUFFTPlan.h"

#include <algorithm>

using namespace ssm;

/// A round over bits [low, low + bits). Beside them a thread has `neighbours`
/// of the lowest bits, and for the rest the highest: lanes then are neighbours.
static GPUFFTPlan::Round makeRound(int64_t low, int64_t bits,
                                   int64_t neighbours, int64_t logSize) {
  GPUFFTPlan::Round round{low, bits, {}};
  int64_t used = 0;
  auto isOwn = [&](int64_t bit) {
    return std::find(round.own.begin(), round.own.begin() + used, bit) !=
           round.own.begin() + used;
  };
  for (int64_t bit = low; bit < low + bits; ++bit)
    round.own[used++] = bit;
  for (int64_t bit = 0; bit < neighbours; ++bit)
    if (!isOwn(bit))
      round.own[used++] = bit;
  for (int64_t bit = logSize - 1; used < GPUFFTPlan::kLogOwn; --bit)
    if (!isOwn(bit))
      round.own[used++] = bit;
  return round;
}

std::vector<GPUFFTPlan::Round> GPUFFTPlan::rounds() const {
  std::vector<Round> all;
  int64_t left = logPoints;
  auto add = [&](int64_t bits, int64_t neighbours) {
    left -= bits;
    all.push_back(makeRound(logColumns + left, bits, neighbours, logSize()));
  };
  // Where the two ends have different neighbours, they are two rounds.
  bool isOne = left <= kLogOwn - logFirst && (logFirst == logLast || left == 1);
  add(isOne ? left : std::min(kLogOwn - logFirst, left - 1), logFirst);
  while (left > kLogOwn - logLast)
    add(std::min(kLogOwn, left - 1), 0);
  if (left > 0)
    add(left, logLast);
  return all;
}

std::vector<GPUFFTPlan::Run> GPUFFTPlan::threadRuns(const Round &round) const {
  std::vector<Run> runs;
  int64_t from = 0;
  for (int64_t bit = 0; bit < logSize(); ++bit) {
    if (std::find(round.own.begin(), round.own.end(), bit) != round.own.end())
      continue;
    if (!runs.empty() && runs.back().to + runs.back().count == bit)
      ++runs.back().count;
    else
      runs.push_back({from, bit, 1});
    ++from;
  }
  return runs;
}

int64_t GPUFFTPlan::threadPart(const Round &round, int64_t thread) const {
  int64_t index = 0;
  for (const Run &run : threadRuns(round))
    index += (thread >> run.from & ((int64_t(1) << run.count) - 1)) << run.to;
  return index;
}

int64_t GPUFFTPlan::ownPart(const Round &round, int64_t i) {
  int64_t index = 0;
  for (int64_t bit = 0; bit < kLogOwn; ++bit)
    index += (i >> bit & 1) << round.own[bit];
  return index;
}

int64_t GPUFFTPlan::frequencyAt(int64_t place) const {
  int64_t frequency = 0, shift = 0;
  for (const Round &round : rounds()) {
    int64_t digit =
        place >> (round.low - logColumns) & ((int64_t(1) << round.bits) - 1);
    frequency += digit << shift;
    shift += round.bits;
  }
  return frequency;
}
