//===- AnnotateFacts.cpp - Facts as attributes ----------------------------===//
#include "ssm/Analysis/Passes.h"
#include "ssm/Analysis/Structure.h"
#include "ssm/Analysis/TimeInvariance.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/IR/Builders.h"

namespace ssm {
#define GEN_PASS_DEF_ANNOTATEFACTS
#include "ssm/Analysis/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// How an operand depends on time: read off its map, and if that has time, off
/// what computes the operand.
static StringRef dependence(Value value, AffineMap map, unsigned time) {
  if (!map)
    return "absent";
  std::optional<unsigned> position = ::ssm::positionOf(map, time);
  if (!position)
    return "invariant";
  return ::ssm::findBlocker(value, *position) ? "varying" : "constant";
}

namespace {
struct AnnotateFacts : ::ssm::impl::AnnotateFactsBase<AnnotateFacts> {
  void runOnOperation() override {
    Builder b(&getContext());
    getOperation()->walk([&](::ssm::LinearRecurrenceOp op) {
      unsigned time = op.getTime();
      NamedAttrList facts;
      auto note = [&](StringRef name, StringRef value) {
        facts.append(name, b.getStringAttr(value));
      };
      // A transition varies if any of its parts does.
      StringRef transition =
          dependence(op.getTransition(), op.getTransitionMap(), time);
      for (auto [part, map] :
           {std::pair(op.getLeft(), op.getLeftIndexingMap()),
            std::pair(op.getRight(), op.getRightIndexingMap())}) {
        StringRef ofPart = dependence(part, map, time);
        if (ofPart == "varying" ||
            (ofPart == "constant" && transition == "invariant"))
          transition = ofPart;
      }
      note("transition", transition);
      note("input", dependence(op.getInput(), op.getInputIndexingMap(), time));
      note("output",
           dependence(op.getOutput(), op.getOutputIndexingMap(), time));
      note("structure", ::ssm::stringifyStructure(::ssm::findStructure(op)));
      if (::ssm::transitionsCommute(op))
        facts.append("commuting", b.getUnitAttr());
      if (auto growth = ::ssm::findGrowth(op))
        facts.append("growth", b.getF64FloatAttr(*growth));
      if (auto most = ::ssm::boundRowSum(op))
        facts.append(op.isDiagonal() ? "magnitude" : "row_sum",
                     b.getF64FloatAttr(*most));
      if (std::string reason = op.refusesConvolution(); !reason.empty())
        note("no_convolution", reason);
      op->setAttr("ssm.facts", facts.getDictionary(&getContext()));
    });
  }
};
} // namespace
