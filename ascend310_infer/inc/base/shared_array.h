// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_SHARED_ARRAY_H_
#define ADABIN_BASE_SHARED_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace adabin {

// What keeps memory in which arrays lie.
struct Memory {
  std::shared_ptr<const void> owner;
  bool writable = false;  // no one else looks at the memory: who has an array may change it
};

// An array that shares its numbers with its copies: a vector's, or a part of a file's content. They
// change in place where no one shares them, else in a copy.
template <typename T>
class SharedArray {
 public:
  using value_type = T;

  SharedArray() = default;
  SharedArray(std::vector<T> values) {
    if (values.empty()) return;
    auto owner = std::make_shared<std::vector<T>>(std::move(values));
    values_ = *owner;
    owner_ = std::move(owner);
    writable_ = true;
  }
  SharedArray(std::initializer_list<T> values) : SharedArray(std::vector<T>(values)) {}
  // `values` lie in `memory`, and no other array's do. An owner of its own tells whether they are
  // shared.
  SharedArray(std::span<const T> values, const Memory& memory)
      : values_(values),
        owner_(std::make_shared<std::shared_ptr<const void>>(memory.owner)),
        writable_(memory.writable) {}

  SharedArray(const SharedArray&) = default;
  SharedArray& operator=(const SharedArray&) = default;
  SharedArray(SharedArray&& other) noexcept { *this = std::move(other); }
  SharedArray& operator=(SharedArray&& other) noexcept {
    values_ = std::exchange(other.values_, {});
    owner_ = std::move(other.owner_);
    writable_ = other.writable_;
    checked_ = other.checked_;
    return *this;
  }
  ~SharedArray() = default;

  const T* data() const { return values_.data(); }
  size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  const T& operator[](size_t i) const { return values_[i]; }

  // The numbers, to be changed.
  std::span<T> Edit() {
    if (!writable_ || owner_.use_count() != 1) *this = std::vector<T>(begin(), end());
    checked_ = false;
    return {const_cast<T*>(data()), size()};
  }

  // Who has checked the numbers can note it, for itself and who gets them from here: to look at all
  // of them again after every pass takes longer than the passes. Editing forgets it.
  void SetChecked() { checked_ = true; }
  bool checked() const { return checked_; }

  bool operator==(const SharedArray& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  std::span<const T> values_;
  std::shared_ptr<const void> owner_;
  bool writable_ = false;
  bool checked_ = false;
};

}  // namespace adabin

#endif  // ADABIN_BASE_SHARED_ARRAY_H_
