// SPDX-License-Identifier: Apache-2.0
//
// Threads for the CPU operators: one persistent pool per process, started at the first parallel loop.
#ifndef ADABIN_CPU_PARALLEL_H_
#define ADABIN_CPU_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace adabin_cpu {

/// Threads a loop uses, the calling one included: 1 until SetNumThreads says otherwise. The environment is not asked:
/// importing MindSpore changes OMP_NUM_THREADS in it (src/adabin/utils/threads.py).
int NumThreads();

/// From 1 to 256; what is outside is moved in. Not to be called while a loop runs.
void SetNumThreads(int threads);

/// Calls body(0), ..., body(tasks - 1), each exactly once, on up to NumThreads() threads, and returns when all are
/// done.
///
/// Tasks are handed out one by one. For results that do not depend on the number of threads, let every task write
/// only what is its own and add partial results in the order of the tasks afterwards. Loops inside a task, and loops
/// started while another thread's loop runs, run serially on the thread that calls. What body throws is thrown again
/// when all tasks are done.
void ParallelFor(int64_t tasks, const std::function<void(int64_t)>& body);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_PARALLEL_H_
