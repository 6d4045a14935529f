//===- GPUMatrixFFTPlanTest.cpp - Transforms on tensor cores --------------===//
#include "ssm/Plan/GPUMatrixFFTPlan.h"

#include "gtest/gtest.h"
#include <set>

using namespace ssm;

static std::vector<GPUMatrixFFTPlan> allPlans() {
  std::vector<GPUMatrixFFTPlan> plans;
  for (int64_t log = GPUMatrixFFTPlan::kLogLeast;
       log <= GPUMatrixFFTPlan::kLogMost; ++log)
    plans.push_back({log});
  return plans;
}

TEST(GPUMatrixFFTPlan, WarpsHaveFourOfTheLastDigit) {
  for (const GPUMatrixFFTPlan &plan : allPlans()) {
    EXPECT_EQ(plan.lastRadix() * 256, plan.points());
    EXPECT_EQ(plan.warps() * GPUMatrixFFTPlan::kNeighbours, plan.lastRadix());
    EXPECT_EQ(plan.warps() * GPUMatrixFFTPlan::kTiles * plan.groups(),
              16 * plan.halves());
    std::set<int64_t> tiles;
    for (int64_t warp = 0; warp < plan.warps(); ++warp)
      for (int64_t i = 0; i < GPUMatrixFFTPlan::kTiles; ++i)
        tiles.insert(plan.halves() * warp + plan.tilesBehind(i));
    EXPECT_EQ(int64_t(tiles.size()), plan.warps() * GPUMatrixFFTPlan::kTiles);
    EXPECT_EQ(*tiles.rbegin(), int64_t(tiles.size()) - 1);
  }
}

TEST(GPUMatrixFFTPlan, UnitsHavePlacesOfTheirOwn) {
  for (const GPUMatrixFFTPlan &plan : allPlans()) {
    std::set<int64_t> rows, columns;
    for (int64_t k1 = 0; k1 < 16; ++k1)
      for (int64_t unit = 0; unit < plan.rowUnits(); ++unit)
        rows.insert(plan.placeRow(k1, unit));
    EXPECT_EQ(int64_t(rows.size()), 16 * plan.rowUnits());
    EXPECT_EQ(*rows.rbegin(), 16 * plan.rowUnits() - 1);
    for (int64_t k1 : {0, 1, 8, 9})
      for (int64_t k2 = 0; k2 < 16; ++k2)
        for (int64_t n3 = 0; n3 < plan.lastRadix(); ++n3)
          columns.insert(plan.placeColumn(k1, k2, n3));
    EXPECT_EQ(int64_t(columns.size()), plan.points() / 4);
    EXPECT_EQ(*columns.rbegin(), plan.points() / 4 - 1);
  }
}

/// Whether eight units are in different banks.
template <typename Place>
static bool areApart(Place place) {
  std::set<int64_t> banks;
  for (int64_t i = 0; i < 8; ++i)
    banks.insert(place(i) % 8);
  return banks.size() == 8;
}

/// Those that a product takes: rows of eight k1, or of eight k2.
TEST(GPUMatrixFFTPlan, EightRowsAreInDifferentBanks) {
  for (const GPUMatrixFFTPlan &plan : allPlans()) {
    for (int64_t unit = 0; unit < plan.rowUnits(); ++unit)
      EXPECT_TRUE(
          areApart([&](int64_t k1) { return plan.placeRow(k1, unit); }));
    for (int64_t n3 = 0; n3 < plan.lastRadix(); ++n3)
      for (int64_t k1 : {0, 1, 8, 9})
        EXPECT_TRUE(
            areApart([&](int64_t k2) { return plan.placeColumn(k1, k2, n3); }));
  }
}

/// Those that a product leaves: a warp, g and columns 2 t, has 32 quarters of
/// units, or half a warp 16 halves, or a quarter eight whole ones.
TEST(GPUMatrixFFTPlan, LanesStoreToDifferentBanks) {
  for (const GPUMatrixFFTPlan &plan : allPlans()) {
    int64_t lanes = 8 * plan.rowParts();
    std::set<int64_t> banks;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t k1 = lane / 4, k2 = lane % 4 * 2;
      int64_t unit = k2 * plan.lastRadix() / GPUMatrixFFTPlan::kUnit;
      banks.insert(plan.placeRow(k1, unit) % 8 * plan.rowParts() +
                   k2 / 2 % plan.rowParts());
    }
    EXPECT_EQ(int64_t(banks.size()), lanes);
  }
}
