/* SPDX-License-Identifier: Apache-2.0 */
/* classify MODEL INPUT.bin: the class of one picture, float32 NCHW as preprocess.py writes it. */
#include <stdio.h>
#include <stdlib.h>

#include "adabin.h"

static void check(adabin_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "classify: %s\n", adabin_status_message(status));
  adabin_status_release(status);
  exit(2);
}

static void need(int given, const char* what) {
  if (given) return;
  fprintf(stderr, "classify: %s\n", what);
  exit(2);
}

int main(int argc, char** argv) {
  adabin_model* model = NULL;
  adabin_session* session = NULL;
  need(argc == 3, "give a model and a picture: classify MODEL INPUT.bin");
  check(adabin_model_load(argv[1], NULL, &model));
  check(adabin_session_create(model, NULL, &session));

  adabin_input in = {NULL, adabin_session_input_bytes(session, 0)};
  adabin_output out = {NULL, adabin_session_output_bytes(session, 0)};
  float *picture = malloc(in.bytes), *scores = malloc(out.bytes);
  FILE* file = fopen(argv[2], "rb");
  need(picture != NULL && scores != NULL, "not enough memory");
  need(file != NULL, "INPUT.bin cannot be read");
  need(fread(picture, 1, in.bytes, file) == in.bytes, "INPUT.bin is smaller than one picture");
  in.data = picture;
  out.data = scores;
  check(adabin_session_run(session, 1, &in, 1, &out, 1));

  size_t best = 0;
  for (size_t i = 0; i < out.bytes / sizeof(float); ++i) best = scores[i] > scores[best] ? i : best;
  printf("class %zu\n", best);
  fclose(file);
  free(picture);
  free(scores);
  adabin_session_release(session);
  adabin_model_release(model);
  return 0;
}
