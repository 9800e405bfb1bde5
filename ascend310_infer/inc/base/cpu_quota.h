// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_CPU_QUOTA_H_
#define ADABIN_BASE_CPU_QUOTA_H_

#include <optional>
#include <string>

namespace adabin {

// The processors that the CPU quotas of this process's control groups, the parents included, leave
// it, rounded up; at most kMaxThreads. Nothing where there is no quota: what cannot be read or
// understood is none. `root` stands before every path that is read.
std::optional<int> CpuQuota(const std::string& root = "");

}  // namespace adabin

#endif  // ADABIN_BASE_CPU_QUOTA_H_
