//===- SelectStrategy.cpp - Writes the decision into the IR ---------------===//
#include "ssm/Strategy/Passes.h"
#include "ssm/Strategy/Strategy.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace ssm {
#define GEN_PASS_DEF_SELECTSTRATEGY
#include "ssm/Strategy/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
/// A strategy judged for one op.
struct Candidate {
  const ::ssm::Strategy *strategy = nullptr;
  std::string refusal;
  ::ssm::StrategyPlan plan;
  double seconds = 0;
};

struct SelectStrategy : ::ssm::impl::SelectStrategyBase<SelectStrategy> {
  using SelectStrategyBase::SelectStrategyBase;

  void runOnOperation() override;

private:
  LogicalResult select(Operation *op, const ::ssm::TargetInfo &info,
                       std::optional<::ssm::StrategyKind> forced);
};
} // namespace

static remark::RemarkOpts opts(StringRef name,
                               StringRef category = "ssm-strategy") {
  return remark::RemarkOpts::name(name).category(category);
}

static std::string printSeconds(double seconds) {
  if (seconds < 1e-3)
    return llvm::formatv("{0:F1} us", seconds * 1e6);
  return llvm::formatv("{0:F2} ms", seconds * 1e3);
}

/// "linear_recurrence: fft_conv 1.2 ms; sequential 4.0 ms; tree_scan refused:
/// ..."
static std::string explain(Operation *op, const Candidate &winner,
                           StringRef how, ArrayRef<Candidate> candidates,
                           bool assumedSizes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << op->getName().stripDialect() << ": "
     << stringifyStrategyKind(winner.strategy->kind) << ' '
     << printSeconds(winner.seconds) << " (" << how << ")";
  auto strategy = op->getAttrOfType<::ssm::StrategyAttr>("strategy");
  if (strategy.getPoints() > 0)
    os << " by blocks of " << strategy.getPoints()
       << " points, for the kernel is shorter than the signal";
  if (strategy.getMatrix())
    os << " by products of " << strategy.getMatrix() << " matrices";
  for (const Candidate &candidate : candidates) {
    if (candidate.strategy == winner.strategy)
      continue;
    os << "; " << stringifyStrategyKind(candidate.strategy->kind) << ' ';
    if (candidate.refusal.empty())
      os << printSeconds(candidate.seconds);
    else
      os << "refused: " << candidate.refusal;
  }
  if (assumedSizes)
    os << "; sizes known at run time only are taken to be 4096";
  return text;
}

/// 1234567 as "1.23 M".
static std::string printCount(double count) {
  constexpr StringLiteral kPrefixes[] = {" ", " k", " M", " G", " T"};
  unsigned power = 0;
  for (; count >= 999.5 && power + 1 < std::size(kPrefixes); ++power)
    count /= 1000;
  return llvm::formatv("{0}{1}", llvm::format("%.3g", count), kPrefixes[power]);
}

/// "sequential: steps 4.0 ms (16 tiles, depth 4.1 k, 33.6 Mflop, 50.3 MB)"
static std::string explainPlan(const Candidate &candidate,
                               const ::ssm::Problem &problem,
                               const ::ssm::TargetInfo &info, int64_t cores) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << stringifyStrategyKind(candidate.strategy->kind);
  for (auto [i, loop] : llvm::enumerate(candidate.plan.loops)) {
    os << (i == 0 ? ": " : "; ") << loop.loop << ' '
       << printSeconds(secondsOf(loop, problem, info, cores)) << " ("
       << printCount(loop.tiles) << "tiles, depth " << printCount(loop.depth)
       << "FMA, " << printCount(loop.flops) << "flop";
    if (loop.bytes > 0)
      os << ", " << printCount(loop.bytes) << "B from "
         << ::ssm::stringifyLevel(::ssm::levelOf(loop, problem, info, cores));
    os << ")";
  }
  return text;
}

/// What computes a recurrence that has no strategy: a loop, or Newton's method
/// where it is asked for.
static void explainNonlinear(::ssm::NonlinearRecurrenceOp op) {
  std::string text = "nonlinear_recurrence: ";
  if (std::optional<llvm::APFloat> tolerance = op.getTolerance())
    text += llvm::formatv("newton (tolerance {0}, at most {1} iterations); "
                          "sequential where it does not converge",
                          llvm::format("%g", tolerance->convertToDouble()),
                          op.getMaxIterations())
                .str();
  else
    text += "sequential; newton refused: no tolerance is given";
  std::string reason = op.refusesLinear();
  text += reason.empty() ? "; --canonicalize makes it a linear_recurrence"
                         : "; all others refused: " + reason;
  remark::passed(op->getLoc(), opts("StrategyChosen")) << text;
}

LogicalResult
SelectStrategy::select(Operation *op, const ::ssm::TargetInfo &info,
                       std::optional<::ssm::StrategyKind> forced) {
  // 1. Judge every strategy.
  ::ssm::Problem problem = ::ssm::describe(op);
  std::vector<Candidate> candidates;
  for (const ::ssm::Strategy &strategy : ::ssm::getStrategies()) {
    Candidate candidate;
    candidate.strategy = &strategy;
    candidate.refusal = strategy.refuse(problem);
    if (candidate.refusal.empty()) {
      candidate.plan = strategy.plan(problem, info);
      candidate.seconds =
          ::ssm::secondsOf(candidate.plan, problem, info, cores);
      remark::analysis(op->getLoc(), opts("StrategyPlan", "ssm-plan"))
          << explainPlan(candidate, problem, info, cores);
    }
    candidates.push_back(std::move(candidate));
  }

  // 2. What was asked for, or the fastest.
  auto pinned = op->getAttrOfType<::ssm::StrategyAttr>("strategy");
  std::optional<::ssm::StrategyKind> asked = forced;
  if (!asked && pinned)
    asked = pinned.getKind();
  const Candidate *winner = nullptr;
  StringRef how = pinned && !forced ? "pinned" : forced ? "forced" : "fastest";
  for (const Candidate &candidate : candidates) {
    if (asked && candidate.strategy->kind != *asked)
      continue;
    if (asked && !candidate.refusal.empty())
      return op->emitOpError("strategy ")
             << stringifyStrategyKind(*asked)
             << " cannot compute this op: " << candidate.refusal;
    if (!candidate.refusal.empty())
      continue;
    if (!winner || candidate.seconds < winner->seconds)
      winner = &candidate;
  }

  // 3. Write it down and say why.
  if (!pinned || forced)
    op->setAttr("strategy", winner->plan.parameters);
  remark::passed(op->getLoc(), opts("StrategyChosen"))
      << explain(op, *winner, how, candidates, problem.assumedSizes);
  return success();
}

void SelectStrategy::runOnOperation() {
  auto info = ::ssm::TargetInfo::forModule(getOperation(), target, rates);
  if (!info) {
    getOperation()->emitError("cannot take the rates: ")
        << llvm::toString(info.takeError());
    return signalPassFailure();
  }
  info->cores = cores;
  std::optional<::ssm::StrategyKind> forced;
  if (!force.empty() && force != "auto") {
    forced = ::ssm::symbolizeStrategyKind(force);
    if (!forced) {
      getOperation()->emitError("there is no strategy '")
          << force
          << "'; use auto, sequential, tree_scan, fft_conv or "
             "direct_conv";
      return signalPassFailure();
    }
  }
  WalkResult result = getOperation()->walk([&](Operation *op) {
    if (auto nonlinear = dyn_cast<::ssm::NonlinearRecurrenceOp>(op))
      explainNonlinear(nonlinear);
    if (!isa<::ssm::LinearRecurrenceOp, ::ssm::AssociativeScanOp,
             ::ssm::LongConvOp>(op))
      return WalkResult::advance();
    return failed(select(op, *info, forced)) ? WalkResult::interrupt()
                                             : WalkResult::advance();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
