// Working memory of one thread, kept from verb to verb; and aligned memory for weights.
#pragma once
#include <cstddef>
#include <memory>

namespace imagent::cpu {

// 64-byte aligned, on huge pages when large. Uninitialised. Larger blocks are pages of their own, which go back to the system at
// once: weights that are packed again beside many temporary buffers would leave holes in the heap.
class AlignedMemory {
 public:
  AlignedMemory() = default;
  explicit AlignedMemory(size_t bytes);  // errors: memory
  void* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Free {
    size_t mapped;  // bytes of pages of its own, 0: from the heap
    Free() : mapped(0) {}
    explicit Free(size_t mapped) : mapped(mapped) {}
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Free> data_;
  size_t bytes_ = 0;
};

// Hands out pieces of one block that lives as long as the thread. One user at a time: the next Scratch of the same thread
// reuses the memory.
class Scratch {
 public:
  template <class T>
  T* take(size_t count) {
    return static_cast<T*>(take_bytes(count * sizeof(T)));
  }
  // Makes room for everything that will be taken (each piece is rounded up to 64 bytes), forgetting what was there.
  explicit Scratch(size_t bytes);

 private:
  void* take_bytes(size_t bytes);
  size_t used_ = 0;
};

}  // namespace imagent::cpu
