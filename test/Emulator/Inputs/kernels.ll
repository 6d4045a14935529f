; Kernels as the NVPTX backend gets them, right and wrong.
target triple = "nvptx64-nvidia-cuda"

@tile = internal addrspace(3) global [64 x float] undef, align 16
@dynamic = external addrspace(3) global [0 x float], align 16

; y[i] = x[63 - i] in a block of 64, through shared memory.
define ptx_kernel void @reverse(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %px = getelementptr float, ptr addrspace(1) %x, i32 %t
  %v = load float, ptr addrspace(1) %px, align 4
  %ps = getelementptr [64 x float], ptr addrspace(3) @tile, i32 0, i32 %t
  store float %v, ptr addrspace(3) %ps, align 4
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %r = sub i32 63, %t
  %pr = getelementptr [64 x float], ptr addrspace(3) @tile, i32 0, i32 %r
  %w = load float, ptr addrspace(3) %pr, align 4
  %py = getelementptr float, ptr addrspace(1) %y, i32 %t
  store float %w, ptr addrspace(1) %py, align 4
  ret void
}

; The same without its barrier.
define ptx_kernel void @race(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %px = getelementptr float, ptr addrspace(1) %x, i32 %t
  %v = load float, ptr addrspace(1) %px, align 4
  %ps = getelementptr [64 x float], ptr addrspace(3) @tile, i32 0, i32 %t
  store float %v, ptr addrspace(3) %ps, align 4
  %r = sub i32 63, %t
  %pr = getelementptr [64 x float], ptr addrspace(3) @tile, i32 0, i32 %r
  %w = load float, ptr addrspace(3) %pr, align 4
  %py = getelementptr float, ptr addrspace(1) %y, i32 %t
  store float %w, ptr addrspace(1) %py, align 4
  ret void
}

; Both blocks write y[0]: no barrier orders blocks.
define ptx_kernel void @global_race(ptr addrspace(1) %y) {
  store float 1.0, ptr addrspace(1) %y, align 4
  ret void
}

define ptx_kernel void @misaligned(ptr addrspace(1) %y) {
  %p = getelementptr i8, ptr addrspace(1) %y, i32 2
  store float 1.0, ptr addrspace(1) %p, align 4
  ret void
}

; Only the first warp reaches the barrier.
define ptx_kernel void @divergent() {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %first = icmp ult i32 %t, 32
  br i1 %first, label %wait, label %end
wait:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
end:
  ret void
}

; Waits for a flag that nobody sets.
define ptx_kernel void @spin(ptr addrspace(1) %flag) {
  br label %poll
poll:
  %f = load atomic i32, ptr addrspace(1) %flag syncscope("device") monotonic, align 4
  %set = icmp ne i32 %f, 0
  br i1 %set, label %end, label %poll
end:
  ret void
}

; Each block adds its number plus 1, once the blocks before it have: right only
; because a ticket and not the block's number gives the order.
define ptx_kernel void @tickets(ptr addrspace(1) %ticket, ptr addrspace(1) %turn, ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %first = icmp eq i32 %t, 0
  br i1 %first, label %take, label %end
take:
  %mine = atomicrmw add ptr addrspace(1) %ticket, i32 1 syncscope("device") monotonic, align 4
  br label %poll
poll:
  %now = load atomic i32, ptr addrspace(1) %turn syncscope("device") monotonic, align 4
  %ready = icmp eq i32 %now, %mine
  br i1 %ready, label %go, label %poll
go:
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %mine
  store i32 %mine, ptr addrspace(1) %p, align 4
  %next = add i32 %mine, 1
  store atomic i32 %next, ptr addrspace(1) %turn syncscope("device") monotonic, align 4
  br label %end
end:
  ret void
}

; y[i] = x[stride * i]
define ptx_kernel void @strided(ptr addrspace(1) %x, ptr addrspace(1) %y, i32 %stride) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %s = mul i32 %t, %stride
  %px = getelementptr float, ptr addrspace(1) %x, i32 %s
  %v = load float, ptr addrspace(1) %px, align 4
  %py = getelementptr float, ptr addrspace(1) %y, i32 %t
  store float %v, ptr addrspace(1) %py, align 4
  ret void
}

; Column of a 32 x stride tile in dynamic shared memory.
define ptx_kernel void @banks(ptr addrspace(1) %y, i32 %stride) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %s = mul i32 %t, %stride
  %ps = getelementptr float, ptr addrspace(3) @dynamic, i32 %s
  store float 2.0, ptr addrspace(3) %ps, align 4
  ret void
}

; y[i] = sum of x[0 .. i] by shuffles, in one warp.
define ptx_kernel void @prefix(ptr addrspace(1) %x, ptr addrspace(1) %y) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %px = getelementptr float, ptr addrspace(1) %x, i32 %t
  %v = load float, ptr addrspace(1) %px, align 4
  br label %loop
loop:
  %d = phi i32 [ 1, %entry ], [ %d2, %loop ]
  %sum = phi float [ %v, %entry ], [ %next, %loop ]
  %pair = call { float, i1 } @llvm.nvvm.shfl.sync.up.f32p(i32 -1, float %sum, i32 %d, i32 0)
  %other = extractvalue { float, i1 } %pair, 0
  %valid = extractvalue { float, i1 } %pair, 1
  %added = fadd float %sum, %other
  %next = select i1 %valid, float %added, float %sum
  %d2 = shl i32 %d, 1
  %more = icmp ult i32 %d2, 32
  br i1 %more, label %loop, label %end
end:
  %py = getelementptr float, ptr addrspace(1) %y, i32 %t
  store float %next, ptr addrspace(1) %py, align 4
  ret void
}

; Loads that the backend joins to one with gaps; no barrier is in front of them.
@gaps_tile = internal addrspace(3) global [8 x float] undef, align 16
define ptx_kernel void @gaps(ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %own = mul i32 %t, 2
  %p = getelementptr float, ptr addrspace(3) @gaps_tile, i32 %own
  store float 1.0, ptr addrspace(3) %p, align 4
  %a = load float, ptr addrspace(3) @gaps_tile, align 16
  %b = load float, ptr addrspace(3) getelementptr (i8, ptr addrspace(3) @gaps_tile, i64 8), align 8
  %c = load float, ptr addrspace(3) getelementptr (i8, ptr addrspace(3) @gaps_tile, i64 16), align 16
  %d = load float, ptr addrspace(3) getelementptr (i8, ptr addrspace(3) @gaps_tile, i64 24), align 8
  %ab = fadd float %a, %b
  %cd = fadd float %c, %d
  %sum = fadd float %ab, %cd
  %py = getelementptr float, ptr addrspace(1) %y, i32 %t
  store float %sum, ptr addrspace(1) %py, align 4
  ret void
}

; Of no instructions: a copy that only hides a value.
define ptx_kernel void @opaque(ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext i32 %t to i64
  %o = call i64 asm sideeffect "", "=l,0"(i64 %i)
  %p = getelementptr i32, ptr addrspace(1) %y, i64 %o
  store i32 %t, ptr addrspace(1) %p, align 4
  ret void
}

define ptx_kernel void @inline_ptx() {
  call void asm sideeffect "nop;", ""()
  ret void
}

define ptx_kernel void @unknown() {
  %c = call i32 @llvm.nvvm.read.ptx.sreg.clock()
  ret void
}

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.clock()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare { float, i1 } @llvm.nvvm.shfl.sync.up.f32p(i32, float, i32, i32)
