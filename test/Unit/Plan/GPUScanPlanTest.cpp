//===- GPUScanPlanTest.cpp - Which kernel, and how it cuts time -----------===//
#include "ssm/Plan/GPUScanPlan.h"

#include "gtest/gtest.h"

using namespace ssm;
using Kernel = GPUScanPlan::Kernel;

static GPUScanPlan plan(std::optional<int64_t> rows,
                        std::optional<int64_t> length, int64_t bytes = 4) {
  return GPUScanPlan::forProblem({true, rows, length, bytes},
                                 GPUChip::forName("sm_90"));
}

TEST(GPUScanPlan, RowsAndLengthChoose) {
  EXPECT_EQ(plan(12288, 4096).kernel, Kernel::RowScan);
  EXPECT_EQ(plan(1, 1 << 28).kernel, Kernel::LookBack);
  EXPECT_EQ(plan(6 * 132 - 1, 65536).kernel, Kernel::LookBack);
  EXPECT_EQ(plan(6 * 132, 65536).kernel, Kernel::RowScan);
  EXPECT_EQ(plan(1, 4096).kernel, Kernel::RowScan);
  EXPECT_EQ(plan(1, 4097).kernel, Kernel::LookBack);
  EXPECT_EQ(plan(1, std::nullopt).kernel, Kernel::LookBack);
  EXPECT_EQ(plan(std::nullopt, 1 << 28).kernel, Kernel::RowScan);
  EXPECT_EQ(GPUScanPlan::forProblem({false, 1, 1 << 28}, {132}).kernel,
            Kernel::ChannelScan);
}

TEST(GPUScanPlan, MatricesNeedTensorCoresForThem) {
  GPUScanProblem problem;
  problem.hasMatrices = true;
  auto kernel = [&](std::string_view chip) {
    return GPUScanPlan::forProblem(problem, GPUChip::forName(chip)).kernel;
  };
  EXPECT_EQ(kernel("sm_80"), Kernel::ChunkedScan);
  EXPECT_EQ(kernel("sm_120a"), Kernel::ChunkedScan);
  EXPECT_EQ(kernel("sm_75"), Kernel::ChannelScan);
  EXPECT_EQ(kernel("gfx942"), Kernel::ChannelScan);
}

TEST(GPUScanPlan, SmallerChipsAreFullSooner) {
  GPUScanProblem problem{true, 6 * 40, 1 << 20};
  auto kernel = [&](std::string_view chip) {
    return GPUScanPlan::forProblem(problem, GPUChip::forName(chip)).kernel;
  };
  EXPECT_EQ(kernel("sm_75"), Kernel::RowScan);
  EXPECT_EQ(kernel("sm_90a"), Kernel::LookBack);
  EXPECT_EQ(GPUChip::forName("sm_90a").multiprocessors, 132);
  EXPECT_EQ(GPUChip::forName("unknown").multiprocessors, 108);
  EXPECT_EQ(GPUChip::forName("sm_90a").sharedBytes, 227 << 10);
  EXPECT_EQ(GPUChip::forName("sm_120").sharedBytes, 99 << 10);
  EXPECT_EQ(GPUChip::forName("unknown").sharedBytes, 48 << 10);
  EXPECT_FALSE(GPUChip::forName("sm_90a").isSlowInF64);
  EXPECT_TRUE(GPUChip::forName("sm_120a").isSlowInF64);
  EXPECT_EQ(GPUChip::forName("sm_90a").memoryRate, 3350);
  EXPECT_EQ(GPUChip::forName("unknown").memoryRate, 2039);
}

TEST(GPUScanPlan, FastMemoryTakesMoreWarpsThatLookBack) {
  GPUScanProblem problem{true, 1, 1 << 28};
  auto warps = [&](std::string_view chip) {
    return GPUScanPlan::forProblem(problem, GPUChip::forName(chip)).warps;
  };
  EXPECT_EQ(warps("sm_90"), 24);
  EXPECT_EQ(warps("sm_80"), 16);
  EXPECT_EQ(warps("sm_120a"), 16);
  problem.keptWords = 2;
  EXPECT_EQ(warps("sm_90"), 16);
}

TEST(GPUScanPlan, ColumnsOfTwoOperandsAreLoadedAhead) {
  GPUScanProblem problem;
  problem.hasColumns = true;
  problem.neighbours = 64;
  auto loadsAhead = [&] {
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90"))
        .loadsAhead;
  };
  EXPECT_TRUE(loadsAhead());
  problem.keptWords = 1;
  EXPECT_FALSE(loadsAhead());
  problem.keptWords = 0;
  problem.elementBytes = 8;
  EXPECT_FALSE(loadsAhead());
  EXPECT_FALSE(plan(1 << 20, 4096).loadsAhead);
}

TEST(GPUScanPlan, AThreadAccessesSixteenBytes) {
  for (int64_t bytes : {2, 4, 8, 16})
    for (int64_t length : {1 << 10, 1 << 20})
      EXPECT_EQ(plan(1, length, bytes).items * bytes, 16);
}

TEST(GPUScanPlan, EachTotalOfATileHasALane) {
  GPUScanPlan lookBack = plan(1, 1 << 20);
  EXPECT_LE(lookBack.threads / 32 * lookBack.chunks, 32);
}

TEST(GPUScanPlan, TilesCoverARow) {
  GPUScanPlan lookBack = plan(1, 1 << 20);
  for (int64_t length :
       {int64_t(1), int64_t(4096), int64_t(4097), int64_t(1) << 40}) {
    int64_t tiles = lookBack.numTiles(length);
    EXPECT_GE(tiles * lookBack.tileSize(), length);
    EXPECT_LT((tiles - 1) * lookBack.tileSize(), length);
  }
  // The final state of an empty row is written too.
  EXPECT_EQ(lookBack.numTiles(0), 1);
}

TEST(GPUScanPlan, LanesShareStatesByFour) {
  auto channels = [](int64_t states, int64_t channelLoads, int64_t stateLoads) {
    GPUScanProblem problem;
    problem.states = states;
    problem.channelLoads = channelLoads;
    problem.stateLoads = stateLoads;
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90"));
  };
  EXPECT_EQ(channels(1, 2, 0).lanes, 1);
  EXPECT_EQ(channels(5, 2, 0).lanes, 1);
  EXPECT_EQ(channels(12, 2, 0).lanes, 1);
  EXPECT_EQ(channels(16, 3, 2).lanes, 4);
  EXPECT_EQ(channels(64, 1, 0).lanes, 16);
  // What is loaded ahead fits the registers.
  EXPECT_EQ(channels(1, 2, 0).steps, 8);
  EXPECT_EQ(channels(16, 3, 2).steps, 4);
  EXPECT_EQ(channels(61, 2, 2).steps, 1);
}

TEST(GPUScanPlan, BlocksShareWhatTheirChannelsDo) {
  GPUScanProblem problem;
  problem.states = 16;
  problem.channelLoads = 3;
  problem.stateLoads = problem.sharedLoads = 2;
  auto plan = [&] {
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90"));
  };
  EXPECT_TRUE(plan().shares);
  EXPECT_EQ(plan().steps, 32);
  EXPECT_EQ(plan().threads, 128);
  // No more threads than channels need; too few channels have no tiles. An
  // access has as many channels as divide their number.
  problem.neighbours = 12;
  EXPECT_EQ(plan().threads, 64);
  EXPECT_EQ(plan().width, 4);
  problem.neighbours = 1538;
  EXPECT_EQ(plan().threads, 128);
  EXPECT_EQ(plan().width, 2);
  problem.neighbours = 7;
  EXPECT_FALSE(plan().shares);
  // Two channels a thread where each scheduler has two warps of them, with
  // accesses of two, and little to load for each.
  problem.neighbours = 1536;
  problem.rows = 8 * 1536;
  EXPECT_EQ(plan().channels, 1);
  problem.rows = 11 * 1536;
  EXPECT_EQ(plan().channels, 2);
  EXPECT_EQ(plan().threads, 64);
  problem.channelLoads = 4;
  EXPECT_EQ(plan().channels, 1);
  problem.channelLoads = 3;
  problem.neighbours = 1537;
  EXPECT_EQ(plan().channels, 1);
  EXPECT_EQ(plan().threads, 128);
  problem.neighbours = std::nullopt;
  // Tiles of many states are short, and those of too many bytes do not exist.
  problem.states = 64;
  EXPECT_EQ(plan().steps, 16);
  EXPECT_EQ(plan().width, 1);
  problem.elementBytes = 16;
  EXPECT_FALSE(plan().shares);
  problem.elementBytes = 4;
  problem.stateLoads = 3;
  EXPECT_FALSE(plan().shares);
}

/// A thread accesses 16 bytes of channels if their number allows, and a warp a
/// line.
TEST(GPUScanPlan, ColumnsAreLines) {
  GPUScanProblem problem;
  problem.hasColumns = true;
  problem.rows = 1 << 20;
  auto plan = [&](int64_t channels, int64_t bytes) {
    problem.neighbours = channels;
    problem.elementBytes = bytes;
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90"));
  };
  EXPECT_EQ(plan(1536, 4).kernel, Kernel::ColumnScan);
  for (int64_t bytes : {2, 4, 8, 16}) {
    EXPECT_EQ(plan(1536, bytes).width * bytes, 16);
    EXPECT_EQ(plan(1536, bytes).columns, 8);
    EXPECT_EQ(plan(1537, bytes).width, 1);
    EXPECT_EQ(plan(1537, bytes).columns, bytes == 2 ? 32 : 128 / bytes);
  }
  EXPECT_EQ(plan(46, 4).width, 2);
  EXPECT_EQ(plan(46, 4).columns, 16);
  problem.neighbours = std::nullopt;
  EXPECT_EQ(GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90")).width,
            1);
}

TEST(GPUScanPlan, FewColumnsHaveMoreThreads) {
  GPUScanProblem problem;
  problem.hasColumns = true;
  auto threads = [&](int64_t rows) {
    problem.rows = problem.neighbours = rows;
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90")).threads;
  };
  EXPECT_EQ(threads(32 * 2 * 132), 128);
  EXPECT_EQ(threads(32 * 2 * 132 - 32), 256);
  EXPECT_EQ(threads(32), 256);
}

/// A thread has room for what a gate and a product behind the scan need.
TEST(GPUScanPlan, TilesShrinkWithWhatIsKept) {
  GPUScanProblem problem;
  problem.hasRows = true;
  problem.rows = 1;
  problem.length = 1 << 20;
  auto chunks = [&](int64_t words) {
    problem.keptWords = words;
    return GPUScanPlan::forProblem(problem, GPUChip::forName("sm_90")).chunks;
  };
  EXPECT_EQ(chunks(0), 4);
  EXPECT_EQ(chunks(1), 4);
  EXPECT_EQ(chunks(3), 2);
  EXPECT_EQ(chunks(9), 1);
}
