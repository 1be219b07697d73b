//! What can be done to pixels: scaling, cropping, converting, drawing. Used by `nodes` and `plugin`; knows only `media`.
