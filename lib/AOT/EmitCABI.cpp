//===- EmitCABI.cpp - The C functions around each kernel ------------------===//
//
// K_run builds the arguments of K from the caller's descriptors, after the
// checks in CheckTensors.mlir have passed:
//
//   llvm.func @K_run(%ins, %outs, %workspace, %stream) -> i32 {
//     %state = llvm.alloca ...       // symbols = -1, bytes per tensor
//     %status = llvm.call @ssm_check(@K_table, %ins, %outs, ...)
//     llvm.cond_br %status == 0, ^run, ^return(%status)
//   ^tiles:                            // if K multiplies tiles
//     %refused = llvm.call @syscall(arch_prctl, ARCH_REQ_XCOMP_PERM, ...)
//     llvm.cond_br %refused == 0, ^run, ^return(SSM_ERROR_TILES)
//   ^run:
//     llvm.call @K(...)              // expanded memref descriptors; returns
//                                    // nothing or a status
//   }
//
// Precondition: K takes memrefs in the default convention of
// convert-func-to-llvm (two pointers, offset, sizes, strides), in the order
// inputs, outputs, workspace buffers of its `ssm.abi`.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"

#include "ssm-c/Runtime.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"

namespace ssm {
#define GEN_PASS_DEF_EMITCABI
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

static constexpr const char kCheckTensors[] =
#include "CheckTensors.mlir.inc"
    ;

namespace {
/// Emits everything that belongs to one kernel.
class Emitter {
public:
  Emitter(LLVM::LLVMFuncOp kernel, Signature signature)
      : kernel(kernel), signature(std::move(signature)), loc(kernel.getLoc()),
        name(kernel.getName().str()), b(kernel.getContext()) {
    b.setInsertionPointAfter(kernel);
  }

  LogicalResult emit(StringRef target, unsigned threads);

private:
  unsigned numArguments() const;
  void hideKernel();
  LLVM::GlobalOp emitTable();
  void emitBytes(const Twine &suffix, int64_t bytes);
  void emitSignature(StringRef json);
  void emitRun(LLVM::GlobalOp table);
  bool hasTiles() const;
  Value askForTiles();
  void addTensorArguments(SmallVectorImpl<Value> &args, Value descriptors,
                          ArrayRef<TensorSpec> specs);
  void addDescriptor(SmallVectorImpl<Value> &args, Value data,
                     ArrayRef<Value> sizes);
  LLVM::LLVMFuncOp startFunction(const Twine &suffix, Type result,
                                 ArrayRef<Type> args);
  Value constant(int64_t value, unsigned bits = 64) {
    return LLVM::ConstantOp::create(b, loc, b.getIntegerType(bits), value);
  }
  Value elementAt(Type type, Value base, ArrayRef<LLVM::GEPArg> indices) {
    return LLVM::GEPOp::create(b, loc, ptr(), type, base, indices);
  }
  LLVM::LLVMPointerType ptr() {
    return LLVM::LLVMPointerType::get(b.getContext());
  }
  /// ssm_tensor: data, dtype, rank, shape, strides.
  Type tensorType() {
    return LLVM::LLVMStructType::getLiteral(
        b.getContext(), {ptr(), b.getI32Type(), b.getI32Type(), ptr(), ptr()});
  }

  LLVM::LLVMFuncOp kernel;
  Signature signature;
  Location loc;
  std::string name;
  OpBuilder b;
};
} // namespace

/// LLVM arguments of the kernel: per memref two pointers, an offset, and a
/// size and a stride per dimension.
unsigned Emitter::numArguments() const {
  unsigned count = 0;
  for (const auto *specs : {&signature.inputs, &signature.outputs})
    for (const TensorSpec &spec : *specs)
      count += 3 + 2 * spec.shape.size();
  for (const BufferSpec &buffer : signature.workspace)
    count += 3 + 2 * buffer.shape.size();
  return count;
}

/// Makes the kernel internal. It stays a function of its own, because
/// `noalias` holds for arguments; of each memref only the second pointer is
/// ever used for accesses.
void Emitter::hideKernel() {
  kernel.setLinkage(LLVM::Linkage::Internal);
  kernel.setNoInline(true);
  unsigned position = 0;
  auto restrict = [&](unsigned rank, int64_t align) {
    kernel.setArgAttr(position + 1, LLVM::LLVMDialect::getNoAliasAttrName(),
                      b.getUnitAttr());
    kernel.setArgAttr(position + 1, LLVM::LLVMDialect::getAlignAttrName(),
                      b.getI64IntegerAttr(align));
    position += 3 + 2 * rank;
  };
  for (const auto *specs : {&signature.inputs, &signature.outputs})
    for (const TensorSpec &spec : *specs)
      restrict(spec.shape.size(), getDType(spec.elementType)->alignment);
  for (const BufferSpec &buffer : signature.workspace)
    restrict(buffer.shape.size(), 64);
}

/// The constant that ssm_check reads; its layout is in CheckTensors.mlir.
LLVM::GlobalOp Emitter::emitTable() {
  SmallVector<int64_t> table = {static_cast<int64_t>(signature.inputs.size()),
                                static_cast<int64_t>(signature.outputs.size()),
                                signature.workspaceBytes > 0};
  for (const auto *specs : {&signature.inputs, &signature.outputs})
    for (const TensorSpec &spec : *specs) {
      DType dtype = *getDType(spec.elementType);
      table.append({dtype.code, dtype.bytes, dtype.alignment,
                    static_cast<int64_t>(spec.shape.size())});
      for (const DimSpec &dim : spec.shape)
        table.push_back(dim.isStatic() ? dim.size : -1 - dim.symbol);
    }
  auto values = b.getI64TensorAttr(table);
  return LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), table.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, name + "_table", values);
}

LLVM::LLVMFuncOp Emitter::startFunction(const Twine &suffix, Type result,
                                        ArrayRef<Type> args) {
  auto type = LLVM::LLVMFunctionType::get(result, args);
  auto func =
      LLVM::LLVMFuncOp::create(b, loc, (Twine(name) + suffix).str(), type);
  func.addEntryBlock(b);
  return func;
}

void Emitter::emitBytes(const Twine &suffix, int64_t bytes) {
  auto func = startFunction(suffix, b.getI64Type(), {});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&func.getBody().front());
  LLVM::ReturnOp::create(b, loc, constant(bytes));
}

void Emitter::emitSignature(StringRef json) {
  std::string text = json.str();
  text.push_back('\0');
  auto global = LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), text.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, name + "_signature_text",
      b.getStringAttr(text));
  auto func = startFunction("_signature", ptr(), {});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&func.getBody().front());
  LLVM::ReturnOp::create(b, loc, LLVM::AddressOfOp::create(b, loc, global));
}

/// Appends one expanded memref descriptor: contiguous, row-major, offset 0.
void Emitter::addDescriptor(SmallVectorImpl<Value> &args, Value data,
                            ArrayRef<Value> sizes) {
  args.append({data, data, constant(0)});
  args.append(sizes.begin(), sizes.end());
  SmallVector<Value> strides(sizes.size());
  Value stride = constant(1);
  for (size_t dim = sizes.size(); dim-- > 0;) {
    strides[dim] = stride;
    if (dim)
      stride = LLVM::MulOp::create(b, loc, stride, sizes[dim]);
  }
  llvm::append_range(args, strides);
}

void Emitter::addTensorArguments(SmallVectorImpl<Value> &args,
                                 Value descriptors,
                                 ArrayRef<TensorSpec> specs) {
  for (auto [i, spec] : llvm::enumerate(specs)) {
    Value tensor =
        elementAt(tensorType(), descriptors, {static_cast<int32_t>(i)});
    Value data = LLVM::LoadOp::create(b, loc, ptr(), tensor);
    Value shape;
    SmallVector<Value> sizes;
    for (auto [dim, size] : llvm::enumerate(spec.shape)) {
      if (size.isStatic()) {
        sizes.push_back(constant(size.size));
        continue;
      }
      if (!shape)
        shape = LLVM::LoadOp::create(b, loc, ptr(),
                                     elementAt(tensorType(), tensor, {0, 3}));
      sizes.push_back(LLVM::LoadOp::create(
          b, loc, b.getI64Type(),
          elementAt(b.getI64Type(), shape, {static_cast<int32_t>(dim)})));
    }
    addDescriptor(args, data, sizes);
  }
}

/// Whether the kernel multiplies tiles of AMX.
bool Emitter::hasTiles() const {
  return kernel
      ->walk([](Operation *op) {
        return llvm::any_of(op->getResultTypes(),
                            llvm::IsaPred<LLVM::LLVMX86AMXType>)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Linux grants a process the registers of tiles, 8 KiB a thread, once it asks.
/// It is asked at each call, for 0.1 us: who loads a kernel may have no other
/// place for it. Not zero if it refuses.
Value Emitter::askForTiles() {
  constexpr int64_t kArchPrctl = 158, kRequestPermission = 0x1023,
                    kTileData = 18;
  Type word = b.getI64Type();
  auto module = kernel->getParentOfType<ModuleOp>();
  auto type = LLVM::LLVMFunctionType::get(word, {word}, /*isVarArg=*/true);
  if (!module.lookupSymbol("syscall")) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    LLVM::LLVMFuncOp::create(b, loc, "syscall", type);
  }
  Value args[] = {constant(kArchPrctl), constant(kRequestPermission),
                  constant(kTileData)};
  return LLVM::CallOp::create(b, loc, type, "syscall", args).getResult();
}

void Emitter::emitRun(LLVM::GlobalOp table) {
  auto func =
      startFunction("_run", b.getI32Type(), {ptr(), ptr(), ptr(), ptr()});
  OpBuilder::InsertionGuard guard(b);
  Block *entry = &func.getBody().front();
  Block *run = b.createBlock(&func.getBody(), func.getBody().end());
  Block *done =
      b.createBlock(&func.getBody(), func.getBody().end(), b.getI32Type(), loc);
  Value ins = entry->getArgument(0), outs = entry->getArgument(1),
        workspace = entry->getArgument(2);

  b.setInsertionPointToStart(entry);
  unsigned symbols = signature.numSymbols();
  unsigned tensors = signature.inputs.size() + signature.outputs.size();
  Value state = LLVM::AllocaOp::create(b, loc, ptr(), b.getI64Type(),
                                       constant(symbols + tensors + 1));
  for (unsigned i = 0; i < symbols; ++i)
    LLVM::StoreOp::create(
        b, loc, constant(-1),
        elementAt(b.getI64Type(), state, {static_cast<int32_t>(i)}));
  Value bytes =
      elementAt(b.getI64Type(), state, {static_cast<int32_t>(symbols)});
  Value checks = LLVM::AddressOfOp::create(b, loc, table);
  auto call = LLVM::CallOp::create(
      b, loc, TypeRange{b.getI32Type()}, "ssm_check",
      ValueRange{checks, ins, outs, workspace, state, bytes});
  Value isOk = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq,
                                    call.getResult(), constant(SSM_OK, 32));
  Block *checked = hasTiles() ? b.createBlock(run) : run;
  b.setInsertionPointToEnd(entry);
  LLVM::CondBrOp::create(b, loc, isOk, checked, ValueRange(), done,
                         ValueRange{call.getResult()});
  if (checked != run) {
    b.setInsertionPointToStart(checked);
    Value isGranted = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq,
                                           askForTiles(), constant(0));
    LLVM::CondBrOp::create(b, loc, isGranted, run, ValueRange(), done,
                           ValueRange{constant(SSM_ERROR_TILES, 32)});
  }

  b.setInsertionPointToStart(run);
  SmallVector<Value> args;
  addTensorArguments(args, ins, signature.inputs);
  addTensorArguments(args, outs, signature.outputs);
  for (const BufferSpec &buffer : signature.workspace) {
    Value data =
        LLVM::GEPOp::create(b, loc, ptr(), b.getI8Type(), workspace,
                            ArrayRef<LLVM::GEPArg>{constant(buffer.offset)});
    addDescriptor(args, data, llvm::map_to_vector(buffer.shape, [&](int64_t s) {
                    return constant(s);
                  }));
  }
  auto work = LLVM::CallOp::create(b, loc, kernel, args);
  Value status = work.getNumResults() ? work.getResult() : constant(SSM_OK, 32);
  LLVM::BrOp::create(b, loc, ValueRange{status}, done);
  b.setInsertionPointToStart(done);
  LLVM::ReturnOp::create(b, loc, done->getArgument(0));
}

LogicalResult Emitter::emit(StringRef target, unsigned threads) {
  Type returned = kernel.getFunctionType().getReturnType();
  if (kernel.getNumArguments() != numArguments() ||
      !(isa<LLVM::LLVMVoidType>(returned) || returned.isInteger(32)))
    return kernel.emitError("a kernel takes expanded memref descriptors (")
           << numArguments() << " arguments for this ssm.abi) and returns "
           << "nothing or a status, but its type is "
           << kernel.getFunctionType()
           << "; run ssm-emit-c-abi after convert-func-to-llvm";
  hideKernel();
  LLVM::GlobalOp table = emitTable();
  emitBytes("_workspace_bytes", signature.workspaceBytes);
  if (!signature.states.empty())
    emitBytes("_state_bytes", signature.stateBytes());
  emitSignature(signature.toJSON(name, target, threads));
  emitRun(table);
  return success();
}

/// Emits `const char *ssm_status_string(int)`. Weak, because several kernels
/// in one program each bring it.
static void emitStatusString(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  SmallVector<LLVM::GlobalOp> texts;
  for (int status = 0; status <= SSM_STATUS_COUNT; ++status) {
    std::string text = ssm_status_string(status);
    text.push_back('\0');
    texts.push_back(LLVM::GlobalOp::create(
        b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), text.size()), true,
        LLVM::Linkage::Internal, "ssm_status_" + std::to_string(status),
        b.getStringAttr(text)));
  }
  auto func = LLVM::LLVMFuncOp::create(
      b, loc, "ssm_status_string",
      LLVM::LLVMFunctionType::get(ptr, {b.getI32Type()}),
      LLVM::Linkage::WeakODR);
  Block *entry = func.addEntryBlock(b);
  Block *done = b.createBlock(&func.getBody(), func.getBody().end(), ptr, loc);
  b.setInsertionPointToStart(entry);
  SmallVector<Value> addresses;
  SmallVector<int32_t> cases;
  for (auto [status, text] : llvm::enumerate(texts)) {
    addresses.push_back(LLVM::AddressOfOp::create(b, loc, text));
    cases.push_back(status);
  }
  SmallVector<Block *> targets(cases.size(), done);
  SmallVector<ValueRange> operands(addresses.begin(), addresses.end());
  LLVM::SwitchOp::create(b, loc, entry->getArgument(0), done,
                         ValueRange(addresses.back()), cases, targets,
                         operands);
  b.setInsertionPointToStart(done);
  LLVM::ReturnOp::create(b, loc, done->getArgument(0));
}

/// Copies the functions of CheckTensors.mlir into the module.
static LogicalResult emitChecks(ModuleOp module) {
  ParserConfig config(module.getContext());
  OwningOpRef<ModuleOp> checks =
      parseSourceString<ModuleOp>(kCheckTensors, config, "CheckTensors.mlir");
  if (!checks)
    return failure();
  for (auto func :
       llvm::make_early_inc_range(checks->getOps<LLVM::LLVMFuncOp>()))
    func->moveBefore(module.getBody(), module.getBody()->end());
  return success();
}

namespace {
struct EmitCABI : ::ssm::impl::EmitCABIBase<EmitCABI> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<Emitter> emitters;
    for (auto func : module.getOps<LLVM::LLVMFuncOp>())
      if (auto signature = Signature::get(func))
        emitters.emplace_back(func, std::move(*signature));
    if (emitters.empty())
      return;
    for (Emitter &emitter : emitters)
      if (failed(emitter.emit(target, threads)))
        return signalPassFailure();
    if (failed(emitChecks(module)))
      return signalPassFailure();
    emitStatusString(module);
  }
};
} // namespace
