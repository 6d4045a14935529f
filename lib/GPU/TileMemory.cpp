//===- TileMemory.cpp - Tiles of time in shared memory --------------------===//
//
// A turn of a channel has a number, turn * channels + channel, and its steps
// are beside each other, so that a lane reads them in one access. The threads
// of a warp access neighbouring numbers in a turn, and numbers that are `width`
// apart at steps of their own: so many that they fill all banks if they differ
// in the banks. Where a number is has low bits, those of banks, that are the
// exclusive or of all digits of so many bits: any so many neighbouring bits of
// the number then make a difference there.
//
// This is linear over bits, so that the part of it that a thread gives is
// computed once.
//
//===----------------------------------------------------------------------===//
#include "TileMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kUnit = 16;       ///< Bytes of an access.
static constexpr int64_t kBankBytes = 128; ///< Of all banks together.

TileMemory::TileMemory(OpBuilder &b, Kernel &kernel, const GPUScanPlan &plan,
                       Value place, Value lane)
    : b(b), k(kernel), plan(plan), channels(plan.numChannels()), place(place),
      lane(lane) {}

int64_t TileMemory::take(int64_t bytes) {
  int64_t first = bufferBytes;
  bufferBytes += llvm::alignTo(bytes, kUnit);
  return first;
}

TileMemory::Part TileMemory::takePart(Type type) {
  Part part{type, 0};
  part.first = take(part.bytes() * plan.steps * channels);
  return part;
}

void TileMemory::allocate() { memory = k.addShared("tiles", 2 * bufferBytes); }

Value TileMemory::bufferOf(Value tile) {
  Value odd = arith::AndIOp::create(b, k.loc, tile, k.constant(1));
  return k.mul(odd, k.constant(bufferBytes));
}

Value TileMemory::address(Value byte, int64_t further) {
  Value first = k.sharedPlace(memory, b.getI8Type(), byte);
  return LLVM::GEPOp::create(
      b, k.loc, memory.getType(), b.getI8Type(), first,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(further)});
}

SmallVector<Value> TileMemory::load(Type type, int64_t count, Value byte,
                                    int64_t further) {
  int64_t bytes = type.getIntOrFloatBitWidth() / 8;
  int64_t group = std::min(count, kUnit / bytes);
  SmallVector<Value> scalars;
  for (int64_t i = 0; i < count; i += group) {
    Value all =
        LLVM::LoadOp::create(b, k.loc, VectorType::get(group, type),
                             address(byte, further + i * bytes), group * bytes);
    for (int64_t j = 0; j < group; ++j)
      scalars.push_back(
          LLVM::ExtractElementOp::create(b, k.loc, all, k.laneNumber(j)));
  }
  return scalars;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// Of the turns of channels that fill all banks. With single channels both
/// views are the same.
int64_t TileMemory::logBanks(const Part &part) const {
  int64_t turns = kBankBytes / (part.bytes() * plan.lanes);
  return plan.width == 1 || turns < 2 ? 0 : llvm::Log2_64(turns);
}

int64_t TileMemory::swizzle(const Part &part, int64_t number) const {
  int64_t bits = logBanks(part), swizzled = number;
  for (int64_t rest = number >> bits; bits && rest; rest >>= bits)
    swizzled ^= rest & ((int64_t(1) << bits) - 1);
  return swizzled;
}

Value TileMemory::swizzle(const Part &part, Value number) {
  int64_t bits = logBanks(part);
  Value swizzled = number;
  for (int64_t shift = bits;
       bits && int64_t(1) << shift < channels * turnsOfRound(); shift += bits) {
    Value digit = arith::AndIOp::create(
        b, k.loc, arith::ShRUIOp::create(b, k.loc, number, k.constant(shift)),
        k.constant((int64_t(1) << bits) - 1));
    swizzled = arith::XOrIOp::create(b, k.loc, swizzled, digit);
  }
  return swizzled;
}

Value TileMemory::ownStep(int64_t round) {
  Value groups = k.constant(channels / plan.width);
  Value turn = k.add(arith::DivUIOp::create(b, k.loc, place, groups),
                     k.constant(round * turnsOfRound()));
  return k.add(k.mul(turn, k.constant(plan.lanes)), lane);
}

Value TileMemory::ownChannel() {
  Value groups = k.constant(channels / plan.width);
  return k.mul(arith::RemUIOp::create(b, k.loc, place, groups),
               k.constant(plan.width));
}

/// In a round the thread's number is `width` times that of its channel.
TileMemory::Place TileMemory::ownPlace(const Part &part, Value buffer,
                                       int64_t round, int64_t i) {
  Value number = arith::XOrIOp::create(
      b, k.loc, swizzle(part, k.mul(place, k.constant(plan.width))),
      k.constant(swizzle(part, i)));
  Value inRound = k.add(k.mul(number, k.constant(plan.lanes)), lane);
  return {k.add(buffer, k.mul(inRound, k.constant(part.bytes()))),
          part.first + round * countRoundBytes(part)};
}

TileMemory::Place TileMemory::turnPlace(const Part &part, Value buffer,
                                        const Turn &turn) {
  Value inRound = k.constant(turnsOfRound()), number = turn.channel;
  // Turns of a round, beyond the first ones.
  if (turnsOfRound() > countTogether())
    number = k.add(number,
                   k.mul(arith::RemUIOp::create(b, k.loc, turn.first, inRound),
                         k.constant(channels)));
  number = arith::XOrIOp::create(
      b, k.loc, swizzle(part, number),
      k.constant(swizzle(part, turn.i % turnsOfRound() * channels)));
  Value round = k.mul(arith::DivUIOp::create(b, k.loc, turn.first, inRound),
                      k.constant(countRoundBytes(part)));
  Value steps = k.mul(number, k.constant(plan.lanes * part.bytes()));
  return {k.add(k.add(buffer, round), steps),
          part.first + turn.i / turnsOfRound() * countRoundBytes(part)};
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

Value TileMemory::loadOwn(const Part &part, Value buffer, int64_t round,
                          int64_t i) {
  auto [byte, further] = ownPlace(part, buffer, round, i);
  return LLVM::LoadOp::create(b, k.loc, part.type, address(byte, further),
                              part.bytes());
}

void TileMemory::storeOwn(const Part &part, Value buffer, int64_t round,
                          int64_t i, Value x) {
  auto [byte, further] = ownPlace(part, buffer, round, i);
  LLVM::StoreOp::create(b, k.loc, x, address(byte, further), part.bytes());
}

SmallVector<Value> TileMemory::loadTurn(const Part &part, Value buffer,
                                        const Turn &turn) {
  auto [byte, further] = turnPlace(part, buffer, turn);
  return load(part.type, plan.lanes, byte, further);
}

void TileMemory::storeTurn(const Part &part, Value buffer, const Turn &turn,
                           Value x) {
  auto [byte, further] = turnPlace(part, buffer, turn);
  Value own = k.add(byte, k.mul(lane, k.constant(part.bytes())));
  LLVM::StoreOp::create(b, k.loc, x, address(own, further), part.bytes());
}

} // namespace ssm
