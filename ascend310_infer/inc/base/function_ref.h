// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_FUNCTION_REF_H_
#define ADABIN_BASE_FUNCTION_REF_H_

#include <memory>
#include <type_traits>
#include <utility>

namespace adabin {

// A callable that someone else owns: std::function without its allocation.
template <typename Signature>
class FunctionRef;

template <typename Result, typename... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <typename Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, FunctionRef>)
  FunctionRef(Callable&& callable)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace adabin

#endif  // ADABIN_BASE_FUNCTION_REF_H_
