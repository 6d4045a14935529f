//===- AnnotateFacts.cpp - Facts as attributes ----------------------------===//
#include "ssm/Analysis/Magnitude.h"
#include "ssm/Analysis/Passes.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/IR/Builders.h"

namespace ssm {
#define GEN_PASS_DEF_ANNOTATEFACTS
#include "ssm/Analysis/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// How an operand depends on time, read off its map.
static StringRef dependence(AffineMap map, unsigned time) {
  if (!map)
    return "absent";
  return ::ssm::uses(map, time) ? "varying" : "invariant";
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
      StringRef transition = dependence(op.getTransitionMap(), time);
      for (AffineMap part : {op.getLeftIndexingMap(), op.getRightIndexingMap()})
        if (dependence(part, time) == "varying")
          transition = "varying";
      note("transition", transition);
      note("input", dependence(op.getInputIndexingMap(), time));
      note("output", dependence(op.getOutputIndexingMap(), time));
      if (op.isDiagonal())
        if (auto most = ::ssm::boundMagnitude(op.getTransition()))
          facts.append("magnitude", b.getF64FloatAttr(*most));
      if (std::string reason = op.refusesConvolution(); !reason.empty())
        note("no_convolution", reason);
      op->setAttr("ssm.facts", facts.getDictionary(&getContext()));
    });
  }
};
} // namespace
