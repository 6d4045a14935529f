//===- GPUFFTPlan.cpp - How a block of a GPU transforms -------------------===//
#include "ssm/Plan/GPUFFTPlan.h"

#include <algorithm>

using namespace ssm;

/// A round over bits [low, low + bits). Beside them a thread has `neighbours`
/// of the lowest bits, and for the rest the highest: lanes then are neighbours.
static GPUFFTPlan::Round makeRound(const GPUFFTPlan &plan, int64_t low,
                                   int64_t bits, int64_t neighbours) {
  GPUFFTPlan::Round round{low, bits, {}};
  std::vector<int64_t> &own = round.own;
  auto add = [&](int64_t bit) {
    if (std::find(own.begin(), own.end(), bit) == own.end())
      own.push_back(bit);
  };
  for (int64_t bit = low; bit < low + bits; ++bit)
    add(bit);
  for (int64_t bit = 0; bit < neighbours; ++bit)
    add(bit);
  for (int64_t bit = plan.logSize() - 1; int64_t(own.size()) < plan.logOwn;
       --bit)
    add(bit);
  return round;
}

std::vector<GPUFFTPlan::Round> GPUFFTPlan::rounds() const {
  std::vector<Round> all;
  int64_t left = logPoints;
  auto add = [&](int64_t bits, int64_t neighbours) {
    left -= bits;
    all.push_back(makeRound(*this, logColumns + left, bits, neighbours));
  };
  // Where the two ends have different neighbours, they are two rounds.
  bool isOne = left <= logOwn - logFirst && (logFirst == logLast || left == 1);
  add(isOne ? left : std::min(logOwn - logFirst, left - 1), logFirst);
  while (left > logOwn - logLast)
    add(std::min(logOwn, left - 1), 0);
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
  for (int64_t bit = 0; bit < int64_t(round.own.size()); ++bit)
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
