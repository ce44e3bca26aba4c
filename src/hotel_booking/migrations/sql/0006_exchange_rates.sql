-- Whose word an exchange rate is, and since when it is known. Rates of before were entered by somebody.
ALTER TABLE exchange_rate
    ADD COLUMN source text NOT NULL DEFAULT 'hand' CHECK (source IN ('ecb', 'hand')),
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
