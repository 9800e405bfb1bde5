// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_FORKS_H_
#define ADABIN_BASE_FORKS_H_

namespace adabin {

// How many forks lie between this process and the one that first asked: what was noted with another
// number is of a parent, whose threads are not here. Never negative.
int Forks();

}  // namespace adabin

#endif  // ADABIN_BASE_FORKS_H_
