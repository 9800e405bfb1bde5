// SPDX-License-Identifier: Apache-2.0
#include "buffer.h"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

namespace adabin_cpu {
namespace {

struct Block {
  void* data;
  size_t capacity;
};

/// A child of fork may find the lock held by a thread that it does not have; what that thread was changing is given up.
struct Shared {
  std::mutex mutex;
  std::vector<Block> blocks;
  size_t kept = 0;       // bytes of these
  size_t used = 0;       // of buffers
  size_t most_used = 0;  // ever at one time

  Block Remove(std::vector<Block>::iterator it) {
    const Block block = *it;
    kept -= block.capacity;
    blocks.erase(it);
    return block;
  }
  void Use(size_t bytes) {
    used += bytes;
    most_used = std::max(most_used, used);
  }
};

Shared* shared = nullptr;

Shared& Store() {
  static const int created = [] {
    shared = new Shared;  // never destroyed: threads may return memory until the process ends
    return pthread_atfork(nullptr, nullptr, [] { shared = new Shared; });
  }();
  (void)created;
  return *shared;
}

constexpr size_t kMaxKept = 64;

}  // namespace

Buffer::Buffer(size_t bytes) {
  capacity_ = (std::max<size_t>(bytes, 1) + 4095) / 4096 * 4096;
  {
    Shared& kept = Store();
    std::lock_guard<std::mutex> lock(kept.mutex);
    std::vector<Block>& store = kept.blocks;
    auto best = store.end();
    for (auto it = store.begin(); it != store.end(); ++it) {
      // Not one of many times the size: that one will be needed by another loop.
      if (it->capacity < capacity_ || it->capacity > 4 * capacity_) continue;
      if (best == store.end() || it->capacity < best->capacity) best = it;
    }
    if (best != store.end()) {
      const Block block = kept.Remove(best);
      data_ = block.data;
      capacity_ = block.capacity;
      kept.Use(capacity_);
      return;
    }
  }
  data_ = std::aligned_alloc(4096, capacity_);
  if (data_ == nullptr) throw std::bad_alloc();
  Shared& kept = Store();
  std::lock_guard<std::mutex> lock(kept.mutex);
  kept.Use(capacity_);
}

Buffer::~Buffer() {
  void* dropped = data_;
  try {
    Shared& kept = Store();
    std::lock_guard<std::mutex> lock(kept.mutex);
    kept.used -= std::min(kept.used, capacity_);  // less where a fork has lost count
    kept.blocks.push_back({data_, capacity_});
    kept.kept += capacity_;
    dropped = nullptr;
    // Those unused for longest go first.
    while (kept.blocks.size() > kMaxKept || kept.kept > kept.most_used) {
      std::free(kept.Remove(kept.blocks.begin()).data);
    }
  } catch (const std::bad_alloc&) {
  }
  std::free(dropped);
}

size_t KeptBytes() {
  Shared& kept = Store();
  std::lock_guard<std::mutex> lock(kept.mutex);
  return kept.kept;
}

}  // namespace adabin_cpu
